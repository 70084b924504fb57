"""Write checkpoints that survive any crash and load with `weights_only=True`.

A checkpoint is torch's own zip file. The CRC that zip keeps for each record is its checksum: a torn
file has no directory at its end, a damaged one fails the CRC, and `torch.load` alone would notice
neither.
"""

from __future__ import annotations

import os
import pickle
import re
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from lab.errors import LabError, UsageError

LAST, PREVIOUS, BEST = "last.pt", "prev.pt", "best.pt"
STAMPED = re.compile(r"\d+\.pt")
State = Mapping[str, Any]


class Damaged(LabError):
    """A checkpoint file is torn or corrupted."""


def save(path: Path, state: State) -> None:
    """Write `state` whole or not at all. `last.pt` moves its predecessor to `prev.pt`."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            torch.save(dict(state), file)
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
    """Read a checkpoint. Raises Damaged where a checksum fails, FileNotFoundError where absent."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
        if bad is not None:
            raise Damaged(f"{path} is damaged: checksum of {bad} fails")
        return dict(torch.load(path, map_location=device, weights_only=True))
    except FileNotFoundError:
        raise
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError) as error:
        raise Damaged(f"{path} is damaged: {error}") from error
    except (pickle.UnpicklingError, NotImplementedError, KeyError, TypeError) as error:
        raise Damaged(f"{path} holds what weights_only refuses: {error}") from error


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

    def save_stamped(self, clock: int, state: State, keep: int) -> None:
        """Keep `<clock>.pt`, and of its kind only the `keep` newest (0: all)."""
        self.save(f"{clock}.pt", state)
        for clock in self.stamped()[:-keep] if keep else []:
            (self.dir / f"{clock}.pt").unlink()

    def stamped(self) -> list[int]:
        """The clocks of the kept checkpoints, ascending."""
        names = [path.name for path in self.dir.glob("*.pt") if STAMPED.fullmatch(path.name)]
        return sorted(int(name.removesuffix(".pt")) for name in names)

    def load_last(self, device: torch.device | str = "cpu") -> dict[str, Any] | None:
        """Return the newest whole state, falling back to `prev.pt`; None where none was written."""
        damaged: Damaged | None = None
        for name in (LAST, PREVIOUS):
            try:
                return load(self.dir / name, device)
            except FileNotFoundError:
                continue
            except Damaged as error:
                damaged = error
                self._warn(f"{error}. Falling back to the checkpoint before it.")
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
        known = ", ".join(path.stem for path in sorted(self.dir.glob("*.pt"))) or "none"
        raise UsageError(f"{self.dir.parent} has no checkpoint {which!r}; it has: {known}")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_plain(value: Any, where: str = "state_dict()") -> None:
    """Raise LabError that names the first thing in a state which no checkpoint can hold."""
    if isinstance(value, torch.Tensor) or value is None:
        return
    if type(value) in (bool, int, float, complex, str, bytes):
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
