"""Compute once what many runs need, whichever process comes first."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lab.engine import checkpoint
from lab.errors import LabError


def cached(path: Path, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return the content of the file at `path`, or compute and save it: tensors and plain data.

    While another process computes it, this one waits. A damaged file is computed anew; where
    nothing can be written, nothing is saved. See `ctx.cache` for paths.
    """
    state = _read(path)
    if state is not None:
        return state
    with _alone(path) as locked:
        state = _read(path)
        if state is not None:
            return state
        state = compute()
        if locked:
            with suppress(OSError, LabError):  # a full disk, say: the state is good all the same
                checkpoint.save(path, state)
        return state


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return checkpoint.load(path)
    except (FileNotFoundError, checkpoint.Damaged):
        return None


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    """Hold the lock of a path; tell whether there is one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f"{path.name}.lock").open("wb")
    except OSError:
        yield False
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            locked = True
        except OSError:  # some file systems have no locks
            locked = False
        yield locked
