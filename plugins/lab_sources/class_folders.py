"""Find files that lie in a folder for each class."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import lab
from lab_sources.sdf import Array

PARTS = {"train": "train", "val": "eval", "valid": "eval", "validation": "eval", "test": "test"}


@dataclass(frozen=True)
class ClassFolders:
    """Files in order: paths, class numbers [N], names of the classes, and the part of each, [N],
    "train", "eval" or "test", where folders say so. notes: on what lies there and is not read."""

    paths: list[Path]
    targets: Array
    classes: tuple[str, ...]
    parts: Array | None
    notes: tuple[str, ...]

    def own(self, part: str) -> Array | None:
        """Return which files are for a part, bool [N]; None where none is."""
        if self.parts is None or part not in self.parts:
            return None
        return np.asarray(self.parts == part)


def find(path: str, source: str, what: str, is_wanted: Callable[[Path], bool]) -> ClassFolders:
    """Return the wanted files in the folders of `path`; the class is the folder's name.

    `path` may hold `train`, `val` (`valid`, `validation`) and `test` with the classes in them.
    Raises UsageError where there is no such folder, or no such file in it; `what` is their name.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise lab.UsageError(f"{source}: there is no folder {path}")
    sides = _sides(root) or {root: ""}
    found = [(file, part) for side, part in sides.items() for file in _files(side, is_wanted)]
    if not found:
        raise lab.UsageError(f"{source}: {path} holds no folder with {what}, one for each class")
    paths = [file for file, _ in found]
    classes = sorted({file.parent.name for file in paths})
    number = {name: index for index, name in enumerate(classes)}
    targets = np.array([number[file.parent.name] for file in paths])
    parts = np.array([part for _, part in found]) if "train" in sides.values() else None
    return ClassFolders(paths, targets, tuple(classes), parts, _notes(sides, what, is_wanted))


def _notes(sides: Iterable[Path], what: str, is_wanted: Callable[[Path], bool]) -> tuple[str, ...]:
    """Say which folders hold no wanted file, and how many files are none."""
    others = [file for side in sides for file in _files(side, lambda file: not is_wanted(file))]
    empty = [
        folder.name
        for side in sides
        for folder in _folders(side)
        if not any(file.is_file() and is_wanted(file) for file in folder.iterdir())
    ]
    notes = []
    if others:
        files = "1 file is" if len(others) == 1 else f"{len(others):,} files are"
        notes.append(f"{files} not read: no {what}, as {others[0].name}")
    if empty:
        notes.append(f"no {what} in {', '.join(map(repr, empty))}: it is no class")
    return tuple(notes)


def _sides(root: Path) -> dict[Path, str]:
    """Return the folders of the parts of a split, {} where `root` holds the classes themselves."""
    sides = {root / name: part for name, part in PARTS.items() if _folders(root / name)}
    return sides if root / "train" in sides else {}


def _folders(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(folder for folder in root.iterdir() if folder.is_dir() and folder.name[0] != ".")


def _files(root: Path, is_wanted: Callable[[Path], bool]) -> list[Path]:
    """Return the wanted files in the folders of `root`, by class and name."""
    return [
        file
        for folder in _folders(root)
        for file in sorted(folder.iterdir())
        if file.name[0] != "." and file.is_file() and is_wanted(file)
    ]
