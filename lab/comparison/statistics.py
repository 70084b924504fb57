"""Aggregate over seeds: the interquartile mean and what a bootstrap says of it.

Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice" (NeurIPS
2021). A stratum holds the values of one task: seeds are drawn anew within each, never between them.
A single value says nothing of how others would scatter: nothing is drawn from it, and there is no
interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.stats import trim_mean

Array = np.ndarray[Any, np.dtype[np.float64]]
Statistic = Callable[[Array], Array]  # values [..., n] -> [...]

Interval = tuple[float, float]

DRAWS = 2_000
LEVEL = 0.95


def iqm(values: Array) -> Array:
    """Return the interquartile mean over the last axis: a quarter is cut off at each end."""
    found: Array = np.asarray(trim_mean(values, 0.25, axis=-1))
    return found


def interval(
    strata: Sequence[Sequence[float]], statistic: Statistic = iqm, draws: int = DRAWS
) -> Interval | None:
    """Return the 95 % percentile interval of `statistic` over all values, from a stratified
    bootstrap; None where a stratum has fewer than two. The same values give the same interval."""
    if not strata or any(len(stratum) < 2 for stratum in strata):
        return None
    rng = np.random.default_rng(0)
    return _ends(statistic(_redrawn(strata, draws, rng)))


def intervals(values: Array, draws: int = 200) -> tuple[Array, Array] | None:
    """Return the ends of the interval of the IQM for each row of values [rows, n]: whole columns,
    which are runs, are drawn anew. None for fewer than two."""
    if values.shape[1] < 2:
        return None
    columns = np.random.default_rng(0).integers(values.shape[1], size=(draws, values.shape[1]))
    low, high = np.quantile(iqm(values[:, columns]), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=1)
    return low, high


def improvement(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the probability that a value of `a` is above one of `b`; ties count half.

    It is Mann and Whitney's U over the number of pairs.
    """
    x, y = np.asarray(a, float)[:, None], np.asarray(b, float)[None, :]
    return float(((x > y) + 0.5 * (x == y)).mean())


def improvement_interval(
    a: Sequence[float], b: Sequence[float], draws: int = DRAWS
) -> Interval | None:
    """Return its 95 % percentile-bootstrap interval; both sides are drawn anew. None where a side
    has fewer than two values."""
    if min(len(a), len(b)) < 2:
        return None
    rng = np.random.default_rng(0)
    x, y = (_redrawn([side], draws, rng) for side in (a, b))
    above = (x[:, :, None] > y[:, None, :]) + 0.5 * (x[:, :, None] == y[:, None, :])
    return _ends(above.mean(axis=(1, 2)))


def _redrawn(strata: Sequence[Sequence[float]], draws: int, rng: np.random.Generator) -> Array:
    """Return values [draws, n], drawn with replacement within each stratum."""
    parts = []
    for stratum in strata:
        values = np.asarray(stratum, float)
        parts.append(values[rng.integers(len(values), size=(draws, len(values)))])
    return np.concatenate(parts, axis=1)


def _ends(values: Array) -> Interval:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
