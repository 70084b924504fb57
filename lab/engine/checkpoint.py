"""Write checkpoints that survive any crash and load with `weights_only=True`.

A checkpoint is torch's own zip file. A checksum of all of it is in the comment that ends a zip
file: `torch.load` notices little of the damage that a disk does, and the checksums of the zip's
records do not cover its directory.
"""

from __future__ import annotations

import os
import pickle
import shutil
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import torch

from lab.errors import LabError, UsageError
from lab.storage.store import BEST, BEST_OF_LAST, LAST, PREVIOUS, STAMPED

SEAL_LENGTH = 8  # bytes: a CRC-32 in hexadecimal
CHUNK = 1 << 20
State = Mapping[str, Any]


class Damaged(LabError):
    """A checkpoint file is torn or corrupted."""


def save(path: Path, state: State) -> None:
    """Write `state` atomically. `last.pt` moves its predecessor to `prev.pt`."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("w+b") as file:
            _write(state, file)
            _seal(file)
            file.flush()
            os.fsync(file.fileno())
        if path.name == LAST and path.exists():
            path.replace(path.with_name(PREVIOUS))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint. Raises Damaged where the checksum fails, FileNotFoundError if absent."""
    try:
        with path.open("rb") as file:
            if not _is_sealed(file):
                raise Damaged(f"{path} is damaged: its checksum fails")
            file.seek(0)
            return dict(torch.load(file, map_location=device, weights_only=True))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror}") from error
    except pickle.UnpicklingError as error:
        reason = " ".join(str(error).partition("WeightsUnpickler error:")[2].split())
        raise Damaged(f"{path} holds what weights_only refuses: {reason[:200]}") from error


def _write(state: State, file: IO[bytes]) -> None:
    try:
        torch.save(compact(state), file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):  # torch hides a full disk behind its own error
            raise error.__context__ from error
        raise


def _seal(file: IO[bytes]) -> None:
    """Add the checksum as the zip's comment, whose length is the last field before it."""
    file.seek(-2, os.SEEK_END)
    file.write(SEAL_LENGTH.to_bytes(2, "little"))
    file.write(_checksum(file, file.tell()))


def _is_sealed(file: IO[bytes]) -> bool:
    length = file.seek(0, os.SEEK_END) - SEAL_LENGTH
    return length > 0 and _checksum(file, length) == file.read()


def _checksum(file: IO[bytes], length: int) -> bytes:
    """Return the CRC of the first `length` bytes, and leave the file there."""
    file.seek(0)
    crc = 0
    while length > 0 and (chunk := file.read(min(length, CHUNK))):
        crc = zlib.crc32(chunk, crc)
        length -= len(chunk)
    return b"%0*x" % (SEAL_LENGTH, crc)


class Checkpoints:
    """The checkpoints of one run: `last`, its predecessor, `best` and clock-stamped ones."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        self.dir = folder
        self._warn = warn

    def save(self, name: str, state: State) -> Path:
        self.dir.mkdir(exist_ok=True)
        path = self.dir / name
        save(path, state)
        return path

    def save_last(self, state: State) -> None:
        """Write `last.pt`. From then on best.pt is the best that it knows of."""
        self.save(LAST, state)
        (self.dir / BEST_OF_LAST).unlink(missing_ok=True)

    def save_best(self, state: State) -> None:
        """Write `best.pt`, and keep the one that `last.pt` knows of: a resumed run may go another
        way and never come to this one."""
        if (self.dir / BEST).exists() and not (self.dir / BEST_OF_LAST).exists():
            shutil.copyfile(self.dir / BEST, self.dir / BEST_OF_LAST)
        self.save(BEST, state)

    def restore_best(self, clock: int | None) -> None:
        """Go back to the best that was evaluated at `clock`, None for none: a later one is not of
        this run's past."""
        for name in (BEST, BEST_OF_LAST):
            with suppress(FileNotFoundError, Damaged):
                if load(self.dir / name)["evaluated"] == clock:
                    if name != BEST:
                        (self.dir / name).replace(self.dir / BEST)
                    return
        (self.dir / BEST).unlink(missing_ok=True)

    def save_stamped(self, clock: int, state: State, keep: int) -> None:
        """Keep `<clock>.pt`, and of its kind only the `keep` newest (0: all)."""
        self.save(f"{clock}.pt", state)
        for clock in self.stamped()[:-keep] if keep else []:
            (self.dir / f"{clock}.pt").unlink()

    def existing(self, *names: str) -> dict[str, Path]:
        """Return those of `names` that were written, by bare name."""
        paths = [self.dir / name for name in names]
        return {path.stem: path for path in paths if path.exists()}

    def stamped(self) -> list[int]:
        """The clocks of the kept checkpoints, ascending."""
        names = [path.name for path in self.dir.glob("*.pt") if STAMPED.fullmatch(path.name)]
        return sorted(int(name.removesuffix(".pt")) for name in names)

    def load_last(self, device: torch.device | str = "cpu") -> dict[str, Any] | None:
        """Return the newest intact state, maybe of `prev.pt`; None where none was written."""
        damaged: Damaged | None = None
        for name in (LAST, PREVIOUS):
            try:
                state = load(self.dir / name, device)
            except FileNotFoundError:
                continue
            except Damaged as error:
                damaged = error
                self._warn(f"{error}. Falling back to the checkpoint before it.")
                continue
            if damaged:  # out of the way, or the next save would move it over the good one
                (self.dir / LAST).replace(self.dir / f"{LAST}.damaged")
            return state
        if damaged:
            raise LabError(f"no usable checkpoint is left in {self.dir}")
        return None

    def find(self, which: str) -> Path:
        """Return the path of "best", "last" or a clock; "best" falls back to "last" where there
        is no objective. Raises UsageError where it does not exist."""
        names = {"best": (BEST, LAST, PREVIOUS), "last": (LAST, PREVIOUS)}
        for name in names.get(which, (f"{which}.pt",)):
            if (self.dir / name).is_file():
                return self.dir / name
        available = ", ".join(path.stem for path in sorted(self.dir.glob("*.pt"))) or "none"
        raise UsageError(f"{self.dir.parent} has no checkpoint {which!r}; it has: {available}")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def compact(value: Any) -> Any:
    """Copy tensors that are a part of a larger one: torch would save all of the larger one."""
    if isinstance(value, torch.Tensor):
        return value.clone() if value.untyped_storage().nbytes() > value.nbytes else value
    if isinstance(value, Mapping):
        items = {key: compact(item) for key, item in value.items()}
        return value if all(items[key] is value[key] for key in items) else items
    if type(value) in (list, tuple):
        parts = [compact(item) for item in value]
        same = all(a is b for a, b in zip(parts, value, strict=True))
        return value if same else type(value)(parts)
    return value


def check_plain(value: Any, where: str = "state_dict()") -> None:
    """Raise LabError that names the first thing in a state which no checkpoint can hold."""
    if isinstance(value, torch.Tensor) or value is None:
        return
    if type(value) in (bool, int, float, complex, str):
        return
    if isinstance(value, Mapping) and type(value).__name__ in ("dict", "OrderedDict"):
        for key, item in value.items():
            check_plain(item, f"{where}[{key!r}]")
    elif type(value) in (list, tuple, set):
        for index, item in enumerate(value):
            check_plain(item, f"{where}[{index}]")
    else:
        raise LabError(
            f"{where} is a {type(value).__name__}. Checkpoints hold tensors and plain data only "
            "(numbers, strings, lists, dicts): convert it in state_dict."
        )
