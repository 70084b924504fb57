"""Gather runs into groups, and say how each group did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np

from lab.comparison.curves import Curve, band, read
from lab.comparison.selection import look_up
from lab.comparison.statistics import iqm, summarize
from lab.storage.store import Run

MIXED = "(mixed)"  # an option in which the runs of a group differ
# options that differ from run to run and are no part of what is compared
INCIDENTAL = {"seed", "device", "threads", "log_every", "checkpoint_every", "media", "track"}


@dataclass(frozen=True)
class TimeToThreshold:
    """When runs got to the threshold: medians over those that did."""

    reached: int
    clock: float | None
    seconds: float | None


@dataclass(frozen=True)
class Group:
    """The finished runs of a task that differ by seed alone, or are alike in what they are grouped
    by.

    options: all of them, `MIXED` where the runs differ; differing: those in which groups differ.
    mean: with the ends of its interval, `low` and `high`, None where the runs show no spread.
    values, seeds: by run.
    """

    name: str
    runs: Sequence[str]
    experiment: str
    differing: Mapping[str, Any]
    options: Mapping[str, Any] = field(repr=False)
    n: int
    mean: float
    low: float | None
    high: float | None
    iqm: float
    best: float
    seconds: float  # median
    rate: float  # median clock units per second
    values: Sequence[float] = field(repr=False)
    seeds: Sequence[int] = field(repr=False)
    curve: Sequence[Mapping[str, float | None]] = field(default=(), repr=False)
    time_to_threshold: TimeToThreshold | None = None


@dataclass(frozen=True)
class Measure:
    """What is measured of each run: a final metric, and the objective by clock; the direction of
    each is "max" or "min"."""

    metric: str
    direction: str
    objective: str
    objective_direction: str
    threshold: float | None = None
    curves: bool = False


def group_name(run: Run, by: Sequence[str] = ()) -> str:
    """Return the name of the group that a run belongs to."""
    if by:
        return ", ".join(f"{key}={look_up(run.summary, key)}" for key in by)
    return str(run.summary.get("group") or run.name)


def subject(run: Run) -> str:
    """Return what a run learns from: its data or its environment."""
    config = run.summary.get("config") or {}
    return str(config.get("data") or config.get("env") or run.summary.get("target"))


def fitted_at_once(run: Run, curve: Curve) -> bool:
    """Tell whether training has no course, by the curve of the objective: a result, and before it
    chance. What is fitted in one step ends its run by itself."""
    return run.summary.get("ended") == "complete" and len(curve.clock) <= 2


def final_metrics(run: Run) -> dict[str, float]:
    """Return a run's test metrics, and the last value of its objective."""
    objective = run.summary["objective"]
    return {objective["metric"]: objective.get("last"), **run.summary["test"]}


def value_of(run: Run, metric: str) -> float | None:
    value = final_metrics(run).get(metric)
    return float(value) if isinstance(value, int | float) else None


def alike(configs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the options of some runs, `MIXED` for those in which they differ."""
    shared = dict(configs[0])
    for config in configs[1:]:
        keys = {**shared, **config}
        shared |= {key: MIXED for key in keys if config.get(key) != shared.get(key)}
    return shared


def make_group(
    name: str,
    runs: Sequence[Run],
    options: Mapping[str, Any],
    differing: Iterable[str],
    measure: Measure,
) -> Group:
    """Return how the runs of a group did; each of them has the metric."""
    values = [value for run in runs if (value := value_of(run, measure.metric)) is not None]
    assert len(values) == len(runs)  # those without it were left out
    mean, ends = summarize(values)
    needs_curves = measure.curves or measure.threshold is not None
    objective = measure.objective
    run_curves = [read(run, objective)[objective] for run in runs] if needs_curves else []
    aggregate = band(run_curves) if measure.curves else None
    low, high = ends or (None, None)
    return Group(
        name=name,
        runs=[run.name for run in runs],
        experiment=str(runs[0].summary.get("experiment")),
        differing={key: options[key] for key in differing if key in options},
        options=options,
        n=len(runs),
        mean=mean,
        low=low,
        high=high,
        iqm=float(iqm(np.array(values))),
        best=max(values) if measure.direction == "max" else min(values),
        seconds=median(run.summary["seconds"] for run in runs),
        rate=median(_rate(run) for run in runs),
        values=values,
        seeds=[int(run.summary.get("seed") or 0) for run in runs],
        curve=aggregate.points() if aggregate else (),
        time_to_threshold=None
        if measure.threshold is None
        else _time_to(measure.threshold, run_curves, measure.objective_direction),
    )


def _rate(run: Run) -> float:
    seconds = float(run.summary["seconds"])
    return float(run.summary["clock"]["value"]) / seconds if seconds > 0 else 0.0


def _time_to(threshold: float, curves: Sequence[Curve], direction: str) -> TimeToThreshold:
    sign = 1 if direction == "max" else -1
    firsts = []
    for curve in curves:
        reached = np.flatnonzero(sign * curve.value >= sign * threshold)
        firsts += [(curve.clock[i], curve.seconds[i]) for i in reached[:1]]
    return TimeToThreshold(
        len(firsts),
        median(float(clock) for clock, _ in firsts) if firsts else None,
        median(float(seconds) for _, seconds in firsts) if firsts else None,
    )
