"""Say what values of a metric over seeds show, and what they do not.

Of one task: the mean and Student's interval. With three to ten seeds it holds the truth as often as
it says, which a bootstrap does not: docs/compare.md has the measurement. Of several tasks together:
the interquartile mean and its stratified bootstrap (Agarwal et al., "Deep reinforcement learning at
the edge of the statistical precipice", NeurIPS 2021), in which the seeds of each task are drawn
anew within that task.

From one value, or from equal ones, no spread can be estimated: there is no interval and no test.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lab.statistics import Interval, mean_interval

Array = np.ndarray[Any, np.dtype[np.float64]]
Statistic = Callable[[Array], Array]  # values [..., n] -> [...]

DRAWS = 2_000
LEVEL = 0.95


# -- of one group


def summarize(strata: Sequence[Sequence[float]]) -> tuple[float, Interval | None]:
    """Return what stands for a group, and its 95 % interval: of one task the mean and Student's, of
    several the interquartile mean and that of a stratified bootstrap."""
    if len(strata) == 1:
        center = float(np.mean(strata[0]))
        return center, mean_interval(strata[0]) if has_spread(strata[0]) else None
    return float(iqm(np.concatenate([*map(np.asarray, strata)]))), bootstrap(strata)


def has_spread(values: Sequence[float]) -> bool:
    """Tell whether values differ, by more than rounding."""
    return max(values) - min(values) > 1e-12 * max(map(abs, values))


def iqm(values: Array) -> Array:
    """Return the interquartile mean over the last axis: a quarter is cut off at each end."""
    count = values.shape[-1]
    cut = count // 4
    middle = np.partition(values, (cut, count - cut - 1), axis=-1)[..., cut : count - cut]
    return np.asarray(middle.mean(axis=-1))


def bootstrap(
    strata: Sequence[Sequence[float]], statistic: Statistic = iqm, draws: int = DRAWS
) -> Interval | None:
    """Return the 95 % percentile interval of `statistic` over all values, from a stratified
    bootstrap; None where no stratum has a spread, or one has fewer than two values. The same values
    give the same interval."""
    if not any(map(has_spread, strata)) or any(len(stratum) < 2 for stratum in strata):
        return None
    rng = np.random.default_rng(0)
    parts = []
    for stratum in strata:
        values = np.asarray(stratum, float)
        parts.append(values[rng.integers(len(values), size=(draws, len(values)))])
    drawn = statistic(np.concatenate(parts, axis=1))
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def intervals(values: Array) -> tuple[Array, Array] | None:
    """Return the ends of Student's interval for the mean of each row of values [rows, n]; None for
    fewer than two columns, which are runs."""
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    count = values.shape[1]
    if count < 2:
        return None
    margin = float(stdtrit(count - 1, (1 + LEVEL) / 2)) * values.std(1, ddof=1) / math.sqrt(count)
    return values.mean(1) - margin, values.mean(1) + margin


# -- of two groups


def improvement(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the probability that a value of `a` is above one of `b`; ties count half.

    It is Mann and Whitney's U over the number of pairs.
    """
    x, y = np.asarray(a, float)[:, None], np.asarray(b, float)[None, :]
    return float(((x > y) + 0.5 * (x == y)).mean())


def paired_test(differences: Sequence[float]) -> float | None:
    """Return the two-sided p-value of Student's paired test, from the differences of pairs; None
    where these are fewer than two, or equal."""
    values = np.asarray(differences, float)
    if not has_spread(differences):
        return None
    t = values.mean() / (values.std(ddof=1) / math.sqrt(len(values)))
    return _two_sided(float(t), len(values) - 1)


def welch_test(a: Sequence[float], b: Sequence[float]) -> float | None:
    """Return the two-sided p-value of Welch's (1947) test of two means; None where a side has fewer
    than two values, or neither has a spread."""
    if min(len(a), len(b)) < 2 or not (has_spread(a) or has_spread(b)):
        return None
    x, y = np.asarray(a, float), np.asarray(b, float)
    u, v = x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)
    freedom = (u + v) ** 2 / (u**2 / (len(x) - 1) + v**2 / (len(y) - 1))
    return _two_sided(float((x.mean() - y.mean()) / math.sqrt(u + v)), float(freedom))


def _two_sided(t: float, freedom: float) -> float:
    from scipy.special import stdtr

    return 2.0 * float(stdtr(freedom, -abs(t)))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p-values corrected for their number by Holm (1979): that any of them is below 0.05
    happens by chance in 5 % of all cases at most. None, no test, stays None."""
    known = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        largest = max(largest, min(1.0, (len(known) - rank) * p))
        corrected[index] = largest
    return corrected
