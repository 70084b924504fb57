"""Define a tracker: a sink that follows a run and may die without hurting it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from lab.spec import TrackerSpec, import_object

if TYPE_CHECKING:
    from lab.options import Options

Row = Mapping[str, float]


@dataclass(frozen=True)
class RunInfo:
    """What a tracker gets once, before the first row.

    `id` is unique to the run and kept by resume, so that a tracker can continue the same record.
    `config` is flat or nested plain data without secrets; `clock` is the clock's name
    ("env_steps", "samples"); `objective` is a metric's name with "max" or "min". `say` shows the
    person a line, from any thread, with the tracker's label before it.
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
    say: Callable[[str], None] = field(default=lambda line: None, compare=False, repr=False)


class Tracker(Protocol):
    """Life-cycle events at logging cadence. Calls come from one background thread, in order.

    It is made without arguments, or with its options where its spec names some. It may have an
    attribute `url`, the address of its record: the run's summary then links to it. It may have the
    methods of `FollowsSources`, `GivesHints` and `Abandonable`.
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
    """A tracker that also gets what data the run reads."""

    def source(self, name: str, description: Mapping[str, Any]) -> None:
        """Take that the run reads the data `name`; the description is plain and distinguishes it
        from other data. A resumed run repeats it."""


@runtime_checkable
class GivesHints(Protocol):
    """A tracker with hints for the person once the run has ended."""

    def hints(self) -> Iterable[str]:
        """Return lines for the person, after `finish`: the command that shows the record, say."""


@runtime_checkable
class Abandonable(Protocol):
    """A tracker that can be let go at once, from another thread than the one it hangs on."""

    def abandon(self) -> None:
        """Free what would block, now or when the interpreter exits."""


def make(spec: TrackerSpec, options: Options | None) -> Tracker:
    """Import a tracker and make it; both may take long, or fail."""
    kind = import_object(spec.tracker)
    made: Tracker = kind(options) if spec.options else kind()
    return made
