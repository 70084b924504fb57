"""Gather what a page on W&B can show of runs: their groups, options, metrics and media."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab import Run
from lab.comparison import differing, group_name, subject

AXES = {"perf/clock", "perf/seconds", "perf/time", "clock"}
MEDIUM = re.compile(r"\d+-(?P<name>.+)\.(?P<suffix>\w+)")


@dataclass
class Contents:
    """What the runs of one task have logged. groups, sizes: how many runs each group has, and how
    many of these have logged a metric. metrics: names, by that of their clock. options: those in
    which groups differ, with the values of the groups that have them."""

    subject: str
    ids: list[str] = field(default_factory=list)
    groups: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, dict[str, int]] = field(default_factory=dict)  # by metric
    objectives: dict[str, str] = field(default_factory=dict)  # direction
    options: dict[str, list[Any]] = field(default_factory=dict)
    metrics: dict[str, list[str]] = field(default_factory=dict)
    media: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)

    def clock(self, metric: str) -> str:
        """Return the clock over which a metric was logged."""
        return next((clock for clock, names in self.metrics.items() if metric in names), "Step")


def by_task(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Return the runs of each data set or environment apart."""
    parts: dict[str, list[Run]] = {}
    for run in runs:
        parts.setdefault(subject(run), []).append(run)
    return dict(sorted(parts.items()))


def contents(task: str, runs: Sequence[Run]) -> Contents:
    """Return what the runs of a task have logged, in a fixed order."""
    logged = Contents(task)
    metrics: dict[str, set[str]] = {}
    media: set[tuple[str, str]] = set()
    configs = []
    for run in runs:
        logged.ids.append(run_id(run))
        objective = run.summary.get("objective", {})
        if objective.get("metric"):
            logged.objectives[objective["metric"]] = objective.get("direction", "max")
        group = group_name(run)
        if group not in logged.groups:
            configs.append(run.summary.get("config", {}))
        logged.groups[group] = logged.groups.get(group, 0) + 1
        clock = run.summary.get("clock", {}).get("name", "samples")
        names = {name for row in run.metrics() for name in row} - AXES
        metrics.setdefault(clock, set()).update(names)
        for name in names:
            sizes = logged.sizes.setdefault(name, {})
            sizes[group] = sizes.get(group, 0) + 1
        media |= _media(run)
    logged.options = varied(configs)
    logged.metrics = {clock: sorted(names) for clock, names in metrics.items()}
    logged.media = sorted({name for name, suffix in media if suffix != "csv"})
    logged.tables = sorted({name for name, suffix in media if suffix == "csv"})
    return logged


def varied(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the plain options in which configs differ, each with its values."""
    values = {name: [c[name] for c in configs if name in c] for name in differing(configs)}
    return {
        name: own
        for name, own in values.items()
        if not any(isinstance(value, list | Mapping) for value in own)
    }


def run_id(run: Run) -> str:
    """Return the id of a run on W&B."""
    return str(run.record.get("id", run.summary.get("id")))


def _media(run: Run) -> set[tuple[str, str]]:
    matches = (MEDIUM.fullmatch(path.name) for path in (run.dir / "media").glob("*"))
    return {(f"media/{match['name']}", match["suffix"]) for match in matches if match}
