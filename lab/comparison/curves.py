"""Lay the curves of runs over each other: by clock, or by the time they trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from lab.comparison.statistics import Array
from lab.statistics import student
from lab.storage.store import Run

Axis = Literal["clock", "seconds"]

GRID_POINTS = 100
NOT_DRAWN = {"perf/clock", "perf/seconds", "perf/time"}  # axes, not curves


@dataclass(frozen=True)
class Curve:
    """A metric of one run. `seconds` counts training, `time` is the time of day (Unix)."""

    clock: Array
    seconds: Array
    time: Array
    value: Array

    def thinned(self, points: int) -> Curve:
        """Return at most `points` of it, evenly spaced, the first and the last among them."""
        kept = thin(len(self.clock), points)
        return Curve(self.clock[kept], self.seconds[kept], self.time[kept], self.value[kept])


@dataclass(frozen=True)
class Band:
    """The runs of a group, aggregated: mean and Student's 95 % interval at each `x`; of one run
    there is no interval."""

    x: Array
    mean: Array
    low: Array | None
    high: Array | None

    def points(self) -> list[dict[str, float | None]]:
        columns = [_as_list(part, len(self.x)) for part in (self.mean, self.low, self.high)]
        return [
            {"clock": int(x), "mean": mid, "low": low, "high": high}
            for x, mid, low, high in zip(self.x, *columns, strict=True)
        ]


def _as_list(values: Array | None, length: int) -> list[float | None]:
    return [None] * length if values is None else values.tolist()


def read(run: Run, metric: str | None = None) -> dict[str, Curve]:
    """Return the curves of a run by metric, or only that of `metric`."""
    rows = run.metrics(metric)
    names = (
        list(dict.fromkeys(name for row in rows for name in row)) if metric is None else [metric]
    )
    drawn = [name for name in names if "/" in name and name not in NOT_DRAWN]
    return {name: _curve([row for row in rows if name in row], name) for name in drawn}


def _curve(rows: Sequence[Mapping[str, float]], metric: str) -> Curve:
    def column(name: str) -> Array:
        return np.array([row.get(name, np.nan) for row in rows], float)

    return Curve(column("clock"), column("perf/seconds"), column("perf/time"), column(metric))


def band(curves: Sequence[Curve], axis: Axis = "clock", points: int | None = None) -> Band | None:
    """Return the aggregate of curves of one metric, or None where they do not overlap.

    By clock, at the points that all of them have: seeds are evaluated at the same ones. By seconds,
    which differ from run to run, on a grid over the time that all of them trained. points: at most
    so many of them, evenly spaced.
    """
    x, values = _by_clock(curves) if axis == "clock" else _by_seconds(curves, points or GRID_POINTS)
    kept = thin(len(x), points or len(x))
    x, values = x[kept], values[kept]
    if not len(x):
        return None
    runs = values.shape[1]
    spread = values.std(1, ddof=1) if runs > 1 else None
    return Band(x, values.mean(1), *(student(values.mean(1), spread, runs) or (None, None)))


def _by_clock(curves: Sequence[Curve]) -> tuple[Array, Array]:
    """Return x [points] and values [points, runs]."""
    # a clock may come twice, when a run was evaluated where it ended: the later row counts
    by_clock = [dict(zip(curve.clock, curve.value, strict=True)) for curve in curves]
    clocks = np.array(sorted(set.intersection(*map(set, by_clock))))
    return clocks, np.array([[values[clock] for values in by_clock] for clock in clocks])


def _by_seconds(curves: Sequence[Curve], points: int) -> tuple[Array, Array]:
    """Return x [points] and values [points, runs], interpolated."""
    if any(not len(curve.seconds) or np.isnan(curve.seconds).any() for curve in curves):
        return np.array([]), np.array([])
    first = max(curve.seconds[0] for curve in curves)
    last = min(curve.seconds[-1] for curve in curves)
    if first > last:
        return np.array([]), np.array([])
    x = np.linspace(first, last, min(points, max(len(curve.value) for curve in curves)))
    return x, np.stack([np.interp(x, c.seconds, c.value) for c in curves], axis=1)


def thin(length: int, points: int) -> Any:
    """Return the indices of at most `points` evenly spaced ones of `length` things."""
    return np.unique(np.linspace(0, length - 1, min(length, points)).round().astype(int))
