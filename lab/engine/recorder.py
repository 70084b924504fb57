"""Write down what a run does: to its folder first, then to everything that follows the folder."""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from lab.engine.accumulator import MetricValue
from lab.errors import LabError, reason
from lab.messages import slug
from lab.storage import media
from lab.storage.store import Run, RunFolder
from lab.tracking.terminal import Terminal
from lab.tracking.tracker import RunInfo

if TYPE_CHECKING:
    from lab.tracking.relay import BackgroundTracker


@dataclass
class Progress:
    """How far a run is: what the runner itself must remember to go on exactly."""

    clock: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_clock: int = 0
    last: float | None = None
    ended: str | None = None  # "budget", "complete", "stopped" or the criterion that was met
    due: dict[str, int | None] | None = None  # grid points reached and not served: see Runner._step
    test: dict[str, float] = field(default_factory=dict)


def by_lane(metrics: Mapping[str, MetricValue]) -> dict[str, float]:
    """Return the metrics of a run's one lane. Lanes are separated here: nothing before
    looks into a tensor [S] of one value per lane, and nothing after sees one.

    Raises LabError for a metric that holds values of other lanes.
    """
    return {name: _of_one_lane(name, value) for name, value in metrics.items()}


def _of_one_lane(name: str, value: MetricValue) -> float:
    if isinstance(value, torch.Tensor) and value.numel() != 1:
        raise LabError(
            f"{name} holds {value.numel()} values, one for each lane, and a run has one lane: log "
            "or return one number, their mean say."
        )
    return float(value)


class Recorder:
    """The run folder, the terminal and the trackers of one run."""

    def __init__(
        self,
        info: RunInfo,
        budget: int,
        folder: RunFolder,
        terminal: Terminal,
    ) -> None:
        self.info, self.budget = info, budget
        self.folder, self.terminal = folder, terminal
        self.trackers: Sequence[BackgroundTracker] = ()
        self.progress = Progress()
        self.error: str | None = None
        self.signal: int | None = None
        self.already_sent = 0  # rows that trackers got before the interruption
        self.newcomers: set[str] = set()  # trackers that did not follow the run until now
        self.links: dict[str, str] = {}  # the address of each tracker's record, where it has one
        self._sources: dict[str, Mapping[str, Any]] = {}
        self._following = False  # whether the trackers have begun
        self._began = time.perf_counter()
        self._mark = (0.0, 0)

    def start(self) -> None:
        """Begin, or begin again after an interruption."""
        info, progress = self.info, self.progress
        self._began = time.perf_counter()
        self._mark = (progress.seconds, progress.clock)
        self.write_summary("running")
        for tracker in self.trackers:
            tracker.start(info)
            for name, description in self._sources.items():
                tracker.source(name, description)
            if tracker.name in self.newcomers:
                for row in Run(self.folder.dir).metrics():
                    tracker.row(row)
        self._following = True
        title = f"{info.experiment} {info.target} seed {info.seed}"
        self.terminal.start(title, info.clock, progress.clock, self.budget)

    def row(self, clock: int, metrics: Mapping[str, float]) -> None:
        """Write one row."""
        row = {"clock": clock, **metrics, **self._performance()}
        self.folder.append(row)
        self.terminal.row(row, self.info.objective[0], self.progress.best)
        sent, self.already_sent = self.already_sent > 0, max(0, self.already_sent - 1)
        for tracker in self.trackers:
            if not sent or tracker.name in self.newcomers:
                tracker.row(row)

    def media(self, clock: int, items: Sequence[tuple[str, Any]]) -> None:
        """Write pictures, clips and texts."""
        for name, content in items:
            folder = self.folder.dir / "media"
            folder.mkdir(exist_ok=True)
            title = f"{name.replace('_', ' ')}, {clock:,} {self.info.clock.replace('_', ' ')}"
            path = media.write(folder / f"{clock:09d}-{slug(name)}", content, title)
            for tracker in self.trackers:
                tracker.media(name, path, clock)

    def source(self, name: str, description: Mapping[str, Any]) -> None:
        """Tell trackers that the run reads the data `name`, once for each description; those that
        start later are told then."""
        if self._sources.get(name) == description:
            return
        self._sources[name] = dict(description)
        for tracker in self.trackers if self._following else ():
            tracker.source(name, description)

    def seconds(self) -> float:
        """Return the seconds of this run, over all its parts."""
        return self.progress.seconds + time.perf_counter() - self._began

    def finish(self, state: str, checkpoints: Mapping[str, Path]) -> dict[str, Any]:
        """Write the last summary and close every tracker."""
        self.terminal.stop()
        summary = self.write_summary(state)
        for tracker in self.trackers:
            for name, path in checkpoints.items():
                tracker.checkpoint(name, path)
            tracker.finish(summary)
        if self._find_links() != summary["links"]:  # a short run ends before its trackers began
            summary["links"] = self._find_links()
            self._write(summary, state)
        return summary

    def failed(self, error: BaseException) -> None:
        """Record what went wrong, with the traceback in log.txt."""
        self.error = reason(error)
        with suppress(OSError):  # the disk may be what failed
            self.folder.log(f"failed: {self.error}\n{traceback.format_exc()}")

    def warn(self, message: str) -> None:
        """Tell of something that training survives."""
        self.say(f"Warning: {message}")

    def say(self, message: str) -> None:
        self.folder.log(message)
        self.terminal.say(message)

    def write_summary(self, state: str) -> dict[str, Any]:
        summary = self._summary(state)
        self._write(summary, state)
        return summary

    def _write(self, summary: Mapping[str, Any], state: str) -> None:
        try:
            self.folder.write_summary(summary)
        except OSError as error:
            if state == "running":
                raise
            self.terminal.say(f"{self.folder.dir}/summary.json: {error.strerror}")

    def _find_links(self) -> dict[str, str]:
        links = {tracker.name: tracker.url for tracker in self.trackers}
        return {**self.links, **{name: url for name, url in links.items() if url}}

    def _summary(self, state: str) -> dict[str, Any]:
        info, progress = self.info, self.progress
        metric, direction = info.objective
        return {
            "name": info.name,
            "id": info.id,
            "state": state,
            "signal": self.signal,
            "error": self.error,
            "experiment": info.experiment,
            "target": info.target,
            "group": info.group,
            "seed": info.seed,
            "tags": list(info.tags),
            "trackers": [tracker.name for tracker in self.trackers],
            "links": self._find_links(),
            "clock": {"name": info.clock, "value": progress.clock, "budget": self.budget},
            "objective": {
                "metric": metric,
                "direction": direction,
                "best": progress.best,
                "best_clock": progress.best_clock,
                "last": progress.last,
            },
            "ended": progress.ended,
            "test": progress.test,
            "seconds": round(self.seconds(), 3),
            "updated": time.time(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "config": dict(info.config),
        }

    def _performance(self) -> dict[str, float]:
        now, clock = self.seconds(), self.progress.clock
        seconds, moved = now - self._mark[0], clock - self._mark[1]
        self._mark = (now, clock)
        scale = 1024 if sys.platform == "linux" else 1024**2
        return {
            "perf/clock": clock,
            "perf/seconds": now,
            "perf/time": time.time(),
            "perf/rate": moved / seconds if seconds > 0 else 0.0,
            "perf/memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale,
        }
