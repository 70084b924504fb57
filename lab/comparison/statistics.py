"""Say what values of a metric over seeds show, and what they do not.

It is the mean and Student's interval. With three to ten seeds that holds the truth as often as it
says, which a bootstrap does not: docs/compare.md has the measurement. Tasks are never mixed: a
return of one environment says nothing beside that of another.

From one value, or from equal ones, no spread can be estimated: there is no interval and no test.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from lab.statistics import Interval, mean_interval

Array = np.ndarray[Any, np.dtype[np.float64]]

# -- of one group


def summarize(values: Sequence[float]) -> tuple[float, Interval | None]:
    """Return the mean of a group's values, and its 95 % interval; None where they have no
    spread."""
    return float(np.mean(values)), mean_interval(values) if has_spread(values) else None


def has_spread(values: Sequence[float]) -> bool:
    """Tell whether values differ, by more than rounding."""
    return max(values) - min(values) > 1e-12 * max(map(abs, values))


def iqm(values: Array) -> Array:
    """Return the interquartile mean over the last axis: a quarter is cut off at each end (Agarwal
    et al., "Deep reinforcement learning at the edge of the statistical precipice", 2021)."""
    count = values.shape[-1]
    cut = count // 4
    middle = np.partition(values, (cut, count - cut - 1), axis=-1)[..., cut : count - cut]
    return np.asarray(middle.mean(axis=-1))


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
