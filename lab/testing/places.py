"""Find the plugin's own line in a traceback, or in what runs at the moment."""

from __future__ import annotations

import importlib.util
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType

from lab.errors import LabError, RunFailed
from lab.messages import first_line

IMPORTING = "<frozen importlib._bootstrap>"


@dataclass(frozen=True)
class Place:
    """A line, and the function that contains it."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}, in {self.function}"


class Own:
    """The files of a plugin: those of some packages, or modules."""

    def __init__(self, packages: Iterable[str]) -> None:
        self.paths = tuple(path for package in packages for path in _paths(package))

    def __contains__(self, code: CodeType) -> bool:
        path = Path(code.co_filename).resolve()
        return any(path == own or own in path.parents for own in self.paths)

    def place(self, error: BaseException) -> Place | None:
        """Return the innermost line of the plugin that an error went through."""
        return self._innermost(reversed(list(traceback.walk_tb(error.__traceback__))))

    def running(self, frame: FrameType | None) -> Place | None:
        """Return the innermost line of the plugin that runs in `frame`."""
        return self._innermost(_stack(frame))

    def entered(self, frame: FrameType | None) -> str:
        """Return by which of its functions the plugin was entered; "" where it does not run."""
        names = [entry.f_code.co_name for entry, _ in _stack(frame) if entry.f_code in self]
        return names[-1] if names else ""

    def imports(self, frame: FrameType | None) -> bool:
        """Tell whether somebody else's module is being imported."""
        codes = (entry.f_code for entry, _ in _stack(frame))
        code = next((c for c in codes if c in self or c.co_filename == IMPORTING), None)
        return code is not None and code.co_filename == IMPORTING

    def describe(self, error: BaseException) -> str:
        """Say what an error is, and at which line of the plugin it came."""
        error = origin(error)
        message = f"{type(error).__name__}: {first_line(error)}"
        if isinstance(error, LabError):
            message = " ".join(str(error).split())
        place = self.place(error)
        if place is None and not isinstance(error, LabError):
            place = _last(error)
        return f"{message} ({place})" if place else message

    def _innermost(self, frames: Iterable[tuple[FrameType, int]]) -> Place | None:
        own = ((frame, line) for frame, line in frames if frame.f_code in self)
        return next((_place(frame, line) for frame, line in own), None)


def origin(error: BaseException) -> BaseException:
    """Return what ended a run, or the error itself where that is not a run's."""
    inner = error.__cause__
    if isinstance(error, RunFailed | AssertionError) and inner is not None:
        return origin(inner)
    return error


def _stack(frame: FrameType | None) -> Iterator[tuple[FrameType, int]]:
    while frame is not None:
        yield frame, frame.f_lineno
        frame = frame.f_back


def _place(frame: FrameType, line: int) -> Place:
    code = frame.f_code
    return Place(Path(code.co_filename).name, line, code.co_name)


def _last(error: BaseException) -> Place | None:
    frames = list(traceback.walk_tb(error.__traceback__))
    return _place(*frames[-1]) if frames else None


def _paths(package: str) -> Iterator[Path]:
    """Yield the folders of a package, or the file of a module."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        return
    if spec.submodule_search_locations:
        yield from (Path(folder).resolve() for folder in spec.submodule_search_locations)
    elif spec.origin:
        yield Path(spec.origin).resolve()
