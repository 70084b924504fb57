"""Say before the work is done where a file cannot be written."""

from __future__ import annotations

from pathlib import Path

from lab.errors import UsageError


def check_folder(option: str, path: Path, made: bool = False) -> None:
    """Raise UsageError where a file cannot be written for what is above it: no folder, unless
    folders are `made`, or a file. `option` is who names the path, --out."""
    above = path.parent
    existing = next(folder for folder in (above, *above.parents) if folder.exists())
    if not existing.is_dir():
        raise UsageError(f"{option} {path}: {existing} is a file, not a folder")
    if existing != above and not made:
        raise UsageError(f"{option} {path}: there is no folder {above}")
