"""Say what a tracker is: a sink that follows a run and may die without hurting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lab.spec import import_object

Row = Mapping[str, float]


@dataclass(frozen=True)
class RunInfo:
    """What a tracker is told once, before the first row.

    `id` is unique to the run and kept by resume, so that a tracker can continue the same record.
    `config` is flat or nested plain data without secrets; `clock` is the clock's name
    ("env_steps", "samples"); `objective` is a metric's name with "max" or "min".
    """

    id: str
    name: str
    dir: Path
    experiment: str
    target: str
    group: str
    seed: int
    config: Mapping[str, Any]
    clock: str
    objective: tuple[str, str]
    tags: tuple[str, ...] = ()
    job_type: str = "train"
    resumed: bool = False


class Tracker(Protocol):
    """Life-cycle events at logging cadence. Calls come from one background thread, in order.

    A tracker may have an attribute `url`, the address of its record: the run's summary then links
    to it. It may have the method `source` of `FollowsSources`.
    """

    def start(self, run: RunInfo) -> None:
        """Open the record of `run`, or continue it where `run.resumed`."""

    def row(self, row: Row) -> None:
        """Take one row: `clock`, and metrics by full name (`train/loss`)."""

    def media(self, name: str, path: Path, clock: int) -> None:
        """Take a picture, video or text that lies at `path`."""

    def checkpoint(self, name: str, path: Path) -> None:
        """Take the checkpoint `name` ("best", "last") as it stands when the run ends."""

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Close the record; `summary["state"]` is finished, interrupted or failed."""


@runtime_checkable
class FollowsSources(Protocol):
    """A tracker that is also told what data the run reads."""

    def source(self, name: str, description: Mapping[str, Any]) -> None:
        """Take that the run reads the data `name`; the description is plain and tells it apart
        from other data. A resumed run says it again."""


class Imported:
    """A tracker that is imported and made when its run starts, on the thread that serves it: an
    import may take long, or fail."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._tracker: Tracker

    @property
    def url(self) -> Any:
        return getattr(getattr(self, "_tracker", None), "url", None)

    def start(self, run: RunInfo) -> None:
        self._tracker = import_object(self._path)()
        self._tracker.start(run)

    def row(self, row: Row) -> None:
        self._tracker.row(row)

    def media(self, name: str, path: Path, clock: int) -> None:
        self._tracker.media(name, path, clock)

    def source(self, name: str, description: Mapping[str, Any]) -> None:
        if isinstance(self._tracker, FollowsSources):
            self._tracker.source(name, description)

    def checkpoint(self, name: str, path: Path) -> None:
        self._tracker.checkpoint(name, path)

    def finish(self, summary: Mapping[str, Any]) -> None:
        self._tracker.finish(summary)
