"""Remove runs, and what runs no longer need, without ever touching one that is being written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from lab.errors import LabError, UsageError
from lab.storage.store import BEST_OF_LAST, PREVIOUS, STAMPED, Run, is_locked

REMOVED = ".removed"


def remove(run: Run) -> None:
    """Delete a run's folder: from the moment of its renaming there is no such run.

    Raises UsageError where a process is writing it, LabError where the disk refuses.
    """
    if is_locked(run.dir):
        raise UsageError(f"{run.name} is being written by another process: interrupt it first")
    doomed = run.dir.with_name(f".{run.name}.{os.getpid()}{REMOVED}")
    try:
        run.dir.rename(doomed)
        shutil.rmtree(doomed)
    except OSError as error:
        raise LabError(f"cannot remove {run.dir}: {error.strerror}") from error


def dispensable(run: Run) -> list[Path]:
    """Return the files that resume, eval and pictures do without: checkpoints by clock, leftovers
    of writing that was cut short, and `prev.pt` once a run is finished. `best.pt` and `last.pt`
    stay. A run that is being written has none."""
    if is_locked(run.dir):
        return []
    folder = run.dir / "checkpoints"
    paths = [path for path in folder.glob("*.pt") if STAMPED.fullmatch(path.name)]
    paths += [*folder.glob("*.tmp"), *run.dir.glob("*.tmp"), *(run.dir / "media").glob(".*")]
    if run.state == "finished":
        paths += [path for name in (PREVIOUS, BEST_OF_LAST) if (path := folder / name).exists()]
    return sorted(paths)


def leftovers(runs_dir: Path) -> Iterator[Path]:
    """Yield hidden folders of runs whose making or removal was cut short."""
    for folder in sorted(runs_dir.glob(".*")):
        owner = folder.name.removesuffix(REMOVED).rpartition(".")[2]
        if folder.is_dir() and owner.isdigit() and not _lives(int(owner)):
            yield folder


def size(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    return sum(file.lstat().st_size for file in files)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
