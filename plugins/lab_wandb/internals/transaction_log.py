"""Read the transaction log of a W&B run, and write a shorter one.

The log is LevelDB's: blocks of 32 KiB, in them records with checksum, length and kind, after a
header of W&B's own. Each record is a protobuf message. W&B offers no public way to any of this, so
all of it is here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

HEADER = struct.Struct("<4sHB")
MAGIC = HEADER.pack(b":W&B", 0xBEE1, 0)
PIECE = struct.Struct("<IHB")
BLOCK = 32 * 2**10
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def read(path: Path) -> Iterator[Any]:
    """Yield the records of a log, up to what a crash may have torn.

    Raises OSError where it cannot be read, ValueError where it is no log.
    """
    messages: Any = import_module("wandb.proto.wandb_internal_pb2")
    for content in _contents(path.read_bytes(), str(path)):
        record = messages.Record()
        record.ParseFromString(content)
        yield record


def write(path: Path, records: Iterable[Any]) -> None:
    """Write a log that holds `records`."""
    log = bytearray(MAGIC)
    for record in records:
        _append(log, record.SerializeToString())
    path.write_bytes(log)


def _contents(log: bytes, name: str) -> Iterator[bytes]:
    if log[: len(MAGIC)] != MAGIC:
        raise ValueError(f"{name} is no transaction log that this version can read")
    at, parts = len(MAGIC), b""
    while True:
        left = BLOCK - at % BLOCK
        if left < PIECE.size:  # a block's last bytes hold nothing
            at += left
        piece = log[at : at + PIECE.size]
        if len(piece) < PIECE.size:
            return
        checksum, length, kind = PIECE.unpack(piece)
        content = log[at + PIECE.size : at + PIECE.size + length]
        if len(content) < length or checksum != _checksum(kind, content):
            return  # torn
        at += PIECE.size + length
        parts = content if kind in (FULL, FIRST) else parts + content
        if kind in (FULL, LAST):
            yield parts


def _append(log: bytearray, content: bytes) -> None:
    first = True
    while True:
        left = BLOCK - len(log) % BLOCK
        if left < PIECE.size:
            log += bytes(left)
            left = BLOCK
        piece, content = content[: left - PIECE.size], content[left - PIECE.size :]
        kind = (FULL if first else LAST) if not content else (FIRST if first else MIDDLE)
        log += PIECE.pack(_checksum(kind, piece), len(piece), kind) + piece
        first = False
        if not content:
            return


def _checksum(kind: int, content: bytes) -> int:
    return zlib.crc32(content, zlib.crc32(bytes([kind])))
