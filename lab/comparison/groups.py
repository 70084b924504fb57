"""Gather runs into groups, and say how each group did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

import numpy as np

from lab.comparison.curves import Curve, band, read
from lab.comparison.selection import look_up
from lab.comparison.statistics import iqm, summarize
from lab.storage.store import Run

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
    """The finished runs of one configuration.

    center: the mean, or the interquartile mean of several tasks together; `low` and `high` are the
    ends of its interval, None where the runs show no spread. values: by run; pairs: the task and
    seed of each.
    """

    name: str
    runs: Sequence[str]
    experiment: str
    differing: Mapping[str, Any]  # the options that differ from the other groups
    options: Mapping[str, Any] = field(repr=False)  # all, of the first run
    n: int
    center: float
    low: float | None
    high: float | None
    mean: float
    iqm: float
    best: float
    seconds: float  # median
    rate: float  # median clock units per second
    values: Sequence[float] = field(repr=False)
    pairs: Sequence[tuple[str, int]] = field(repr=False)
    curve: Sequence[Mapping[str, float | None]] = field(default=(), repr=False)
    passage: TimeToThreshold | None = None


@dataclass(frozen=True)
class Measure:
    """What is measured of each run: a final metric, and the objective by clock."""

    metric: str
    objective: str
    direction: str
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


def make_group(
    name: str, runs: Sequence[Run], differing: Mapping[str, Any], measure: Measure
) -> Group:
    """Return how the runs of a group did; each of them has the metric."""
    strata: dict[str, list[float]] = {}
    values, pairs = [], []
    for run in runs:
        value = value_of(run, measure.metric)
        assert value is not None  # those without it were left out
        strata.setdefault(subject(run), []).append(value)
        values.append(value)
        pairs.append((subject(run), int(run.summary.get("seed") or 0)))
    center, ends = summarize(list(strata.values()))
    needs_curves = measure.curves or measure.threshold is not None
    objective = measure.objective
    run_curves = [read(run, objective)[objective] for run in runs] if needs_curves else []
    aggregate = band(run_curves) if measure.curves else None
    low, high = ends or (None, None)
    return Group(
        name=name,
        runs=[run.name for run in runs],
        experiment=str(runs[0].summary.get("experiment")),
        differing=differing,
        options=runs[0].summary["config"],
        n=len(runs),
        center=center,
        low=low,
        high=high,
        mean=mean(values),
        iqm=float(iqm(np.array(values))),
        best=max(values) if measure.direction == "max" else min(values),
        seconds=median(run.summary["seconds"] for run in runs),
        rate=median(_rate(run) for run in runs),
        values=values,
        pairs=pairs,
        curve=aggregate.points() if aggregate else (),
        passage=None
        if measure.threshold is None
        else _passage(run_curves, measure.direction, measure.threshold),
    )


def _rate(run: Run) -> float:
    seconds = float(run.summary["seconds"])
    return float(run.summary["clock"]["value"]) / seconds if seconds > 0 else 0.0


def _passage(curves: Sequence[Curve], direction: str, threshold: float) -> TimeToThreshold:
    sign = 1 if direction == "max" else -1
    passages = []
    for curve in curves:
        reached = np.flatnonzero(sign * curve.value >= sign * threshold)
        passages += [(curve.clock[i], curve.seconds[i]) for i in reached[:1]]
    return TimeToThreshold(
        len(passages),
        median(float(clock) for clock, _ in passages) if passages else None,
        median(float(seconds) for _, seconds in passages) if passages else None,
    )
