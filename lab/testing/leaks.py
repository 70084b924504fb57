"""Watch this process, and tell what a run left behind in it."""

from __future__ import annotations

import gc
import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

DESCRIPTORS = Path("/proc/self/fd")
CHILDREN = Path("/proc/self/task")
CACHE = ".cache"  # where a home keeps what can be had again


@dataclass
class Traces:
    """What a run changed and did not put back, and what it printed or wrote elsewhere."""

    output: str = ""
    files: list[str] = field(default_factory=list)
    changed: dict[str, tuple[Any, Any]] = field(default_factory=dict)  # name -> before, after
    leaked: list[str] = field(default_factory=list)


@contextmanager
def watched(scratch: Path) -> Iterator[Traces]:
    """Collect the traces of what runs inside; home, temporary and working folder are empty ones.

    All settings are put back, so that a change that was made once shows again the next time.
    """
    traces = Traces()
    with (
        tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as elsewhere,
        _living_in(Path(elsewhere)),
        _captured(traces),
    ):
        before, threads, held = _settings(), _threads(), _held()
        try:
            yield traces
        finally:
            gc.collect()  # what only waits for the collector is not leaked
            after = _settings()
            traces.changed = {k: (before[k], v) for k, v in after.items() if v != before[k]}
            traces.leaked = [f"thread {name}" for name in sorted(_threads() - threads)]
            traces.leaked += sorted(_held() - held)
            traces.files = sorted(
                str(path.relative_to(elsewhere)) for path in Path(elsewhere).rglob("*")
            )
            _restore(before)


def _settings() -> dict[str, Any]:
    """Return the process-wide switches that a run must leave as they were."""
    import torch

    root = logging.getLogger()
    return {
        "the environment variables": dict(os.environ),
        "the working folder": _working_folder(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's thread count": torch.get_num_threads(),
        "torch's grad mode": torch.is_grad_enabled(),
        "torch's deterministic mode": torch.are_deterministic_algorithms_enabled(),
        "the root logger": (root.level, tuple(map(repr, root.handlers))),
        "the warning filters": list(warnings.filters),
        "sys.path": list(sys.path),
    }


def _restore(before: Mapping[str, Any]) -> None:
    import torch

    os.environ.clear()
    os.environ.update(before["the environment variables"])
    torch.set_default_dtype(before["torch's default dtype"])
    torch.set_num_threads(before["torch's thread count"])
    torch.set_grad_enabled(before["torch's grad mode"])
    torch.use_deterministic_algorithms(before["torch's deterministic mode"])
    logging.getLogger().setLevel(before["the root logger"][0])
    warnings.filters[:] = before["the warning filters"]  # type: ignore[index]
    sys.path[:] = before["sys.path"]


def _working_folder() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return "a folder that is gone"


def _threads() -> set[str]:
    return {f"{thread.name} ({thread.ident})" for thread in threading.enumerate()}


def _held() -> set[str]:
    """Return the open files and living children of this process, where the system tells, and its
    environments."""
    leaked = set()
    for link in DESCRIPTORS.iterdir() if DESCRIPTORS.is_dir() else ():
        try:
            leaked.add(f"open file {link.readlink()}")
        except OSError:  # the one that listed the folder
            continue
    for task in CHILDREN.glob("*/children"):
        leaked |= {f"child process {number}" for number in task.read_text().split()}
    return {name for name in leaked if "/proc/" not in name} | _environments()


def _environments() -> set[str]:
    """Return the environments that somebody still holds."""
    gymnasium = sys.modules.get("gymnasium")
    if gymnasium is None:
        return set()
    kinds = (gymnasium.Env, gymnasium.vector.VectorEnv)
    # by the type's own line, as isinstance would ask objects that pretend to be others; each type
    # once, as there are a million objects
    things = gc.get_objects()
    types = {kind for kind in set(map(type, things)) if issubclass(kind, kinds)}
    alive = (thing for thing in things if type(thing) in types) if types else ()
    return {f"environment {type(env).__name__} ({id(env)})" for env in alive}


@contextmanager
def _living_in(folder: Path) -> Iterator[None]:
    """Make an empty folder the home, the temporary and the working folder."""
    from lab.compute.process_env import environment

    cache = str(folder / CACHE)
    homes = {"HOME": str(folder), "TMPDIR": str(folder), "XDG_CACHE_HOME": cache}
    before, temporary = Path.cwd(), tempfile.tempdir
    with environment(homes):
        os.chdir(folder)
        tempfile.tempdir = str(folder)
        try:
            yield
        finally:
            os.chdir(before)
            tempfile.tempdir = temporary


@contextmanager
def _captured(traces: Traces) -> Iterator[None]:
    """Catch what is printed, by python or below it."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as file:
        with _redirected(file):
            yield
        file.flush()
        file.seek(0)
        traces.output = file.read()


@contextmanager
def _redirected(file: IO[str]) -> Iterator[None]:
    streams = sys.stdout, sys.stderr
    for stream in streams:
        stream.flush()
    saved = [os.dup(number) for number in (1, 2)]
    for number in (1, 2):
        os.dup2(file.fileno(), number)
    sys.stdout = sys.stderr = file
    try:
        yield
    finally:
        file.flush()
        sys.stdout, sys.stderr = streams
        for number, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, number)
            os.close(copy)
