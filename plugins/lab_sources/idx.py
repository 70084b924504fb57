"""Read images in the files of MNIST and its kin (LeCun, Cortes and Burges, 1998)."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from pathlib import Path

import numpy as np

import lab
from lab_sources.arrays import joined, numbered
from lab_sources.sdf import Array

FILE = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)-(?P<what>images|labels)[.-]idx[13]-ubyte(\.gz)?"
)
BYTES = 0x08  # the code of the type, in the third byte of a file
DIMENSIONS = {"images": 3, "labels": 1}


def idx(path: str) -> lab.Dataset:
    """Return the images of a folder, uint8 [N, 1, H, W], from the files train-images-idx3-ubyte,
    train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, or .gz of them.

    The files t10k- are for testing; without them there is no test set.
    """
    files = _files(Path(path).expanduser(), f"idx:{path}")
    parts = {}
    for part in ("train", "test"):
        if (part, "images") in files or part == "train":
            parts[part] = _part(files, part, f"idx:{path}")
    data = joined(parts)
    assert data.targets is not None
    targets, classes = numbered(data.targets)
    return lab.Dataset(data.inputs[:, None], targets, classes, data.test)


def _files(folder: Path, name: str) -> dict[tuple[str, str], Path]:
    """Return the files by part and by what they hold. Raises UsageError where there are none, or
    those of several data sets."""
    if not folder.is_dir():
        raise lab.UsageError(f"{name}: there is no such folder")
    files: dict[tuple[str, str], Path] = {}
    for file in sorted(folder.iterdir()):
        match = FILE.fullmatch(file.name)
        if match is None:
            continue
        key = ("train" if match["part"] == "train" else "test", match["what"])
        if key in files and files[key].name.removesuffix(".gz") != file.name.removesuffix(".gz"):
            raise lab.UsageError(
                f"{name} holds {files[key].name} and {file.name}: put one of them into a folder of "
                "its own, with its labels"
            )
        files.setdefault(key, file)
    return files


def _part(files: dict[tuple[str, str], Path], part: str, name: str) -> tuple[Array, Array]:
    """Return images [N, H, W] and labels [N] of a part."""
    for what, dimensions in DIMENSIONS.items():
        if (part, what) not in files:
            start = "train" if part == "train" else "t10k"
            raise lab.UsageError(
                f"{name} holds no file {start}-{what}-idx{dimensions}-ubyte, nor one with .gz"
            )
    images, labels = (_read(files[part, what], n) for what, n in DIMENSIONS.items())
    if len(images) != len(labels):
        raise lab.UsageError(
            f"{name}: {len(images):,} images to {part}, but {len(labels):,} labels"
        )
    return images, labels


def _read(file: Path, dimensions: int) -> Array:
    """Return the array in a file of bytes: 0, 0, the type, the number of dimensions, their sizes
    as big-endian int32, then the values. Raises UsageError where it is none."""
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise lab.UsageError(f"idx: {file} cannot be read: {error}") from error
    head = 4 + 4 * dimensions
    if len(content) < head or content[:4] != bytes([0, 0, BYTES, dimensions]):
        raise lab.UsageError(
            f"idx: {file} does not begin as IDX bytes of {dimensions} dimensions do: "
            f"{content[:4].hex(' ')}"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:head])
    if len(content) != head + math.prod(shape):
        raise lab.UsageError(
            f"idx: {file} says {' x '.join(map(str, shape))}, but holds {len(content) - head:,} "
            "bytes: it may be cut off"
        )
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)
