"""Confidence intervals: of means and proportions, and of metrics over seeds.

Over seeds: the interquartile mean and its bootstrap interval (Agarwal et al., "Deep
reinforcement learning at the edge of the statistical precipice", NeurIPS 2021). A stratum holds the
values of one task: seeds are resampled within each, never between them. From a single value no
spread can be estimated: it is not resampled, and there is no interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Array = np.ndarray[Any, np.dtype[np.float64]]
Statistic = Callable[[Array], Array]  # values [..., n] -> [...]
Interval = tuple[float, float]

DRAWS = 2_000
LEVEL = 0.95


# -- means and proportions


def mean_interval(
    values: Sequence[float] | np.ndarray[Any, Any], level: float = 0.95
) -> Interval | None:
    """Return the two ends of Student's interval for the mean of `values`; None for fewer than two:
    the variance of one value is undefined."""
    array = np.asarray(values, dtype=float)
    if len(array) < 2:
        return None
    return student(float(array.mean()), float(array.std(ddof=1)), len(array), level)


def student(mean: float, std: float, n: float, level: float = 0.95) -> Interval | None:
    """Return Student's interval of a mean of n values with sample standard deviation `std`; None
    for fewer than two, which have none."""
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    if n < 2:
        return None
    margin = float(stdtrit(n - 1, (1 + level) / 2)) * std / math.sqrt(n)
    return mean - margin, mean + margin


def summed_up(name: str, values: Tensor, split: str) -> dict[str, float]:
    """Return the mean of values [N] as a metric; on "test" with n, and Student's interval of 95 %
    over the examples as `<name>_low` and `<name>_high`, where there are several."""
    mean = float(values.mean())
    if split != "test":
        return {name: mean}
    spread = float(values.std()) if len(values) > 1 else math.nan
    return {name: mean, **bounds(name, student(mean, spread, len(values))), "n": len(values)}


def bounds(name: str, interval: Interval | None) -> dict[str, float]:
    """Return the ends of an interval as metrics, `<name>_low` and `<name>_high`; none for None."""
    return {} if interval is None else {f"{name}_low": interval[0], f"{name}_high": interval[1]}


def wilson(proportion: float, n: float, level: float = 0.95) -> Interval:
    """Return Wilson's (1927) interval of a proportion of n trials; (0, 1) for none.

    It stays within [0, 1] and is not empty where all or no trials succeed: the variance
    follows from the proportion, for one trial too.
    """
    from scipy.special import ndtri

    if n == 0:
        return 0.0, 1.0
    z = float(ndtri((1 + level) / 2))
    center = (proportion + z**2 / (2 * n)) / (1 + z**2 / n)
    spread = math.sqrt(proportion * (1 - proportion) / n + z**2 / (4 * n**2))
    margin = z / (1 + z**2 / n) * spread
    return max(0.0, min(proportion, center - margin)), min(1.0, max(proportion, center + margin))


# -- over seeds


def iqm(values: Array) -> Array:
    """Return the interquartile mean over the last axis: a quarter is cut off at each end."""
    count = values.shape[-1]
    cut = count // 4
    middle = np.partition(values, (cut, count - cut - 1), axis=-1)[..., cut : count - cut]
    return np.asarray(middle.mean(axis=-1))


def interval(
    strata: Sequence[Sequence[float]], statistic: Statistic = iqm, draws: int = DRAWS
) -> Interval | None:
    """Return the 95 % percentile interval of `statistic` over all values, from a stratified
    bootstrap; None where a stratum has fewer than two. The same values give the same interval."""
    if not strata or any(len(stratum) < 2 for stratum in strata):
        return None
    rng = np.random.default_rng(0)
    return _ends(statistic(_resampled(strata, draws, rng)))


def intervals(values: Array, draws: int = 200) -> tuple[Array, Array] | None:
    """Return the ends of the interval of the IQM for each row of values [rows, n]: the columns,
    which are runs, are resampled. None for fewer than two."""
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
    """Return its 95 % percentile-bootstrap interval; both sides are resampled. None where a side
    has fewer than two values."""
    if min(len(a), len(b)) < 2:
        return None
    rng = np.random.default_rng(0)
    x, y = (_resampled([side], draws, rng) for side in (a, b))
    above = (x[:, :, None] > y[:, None, :]) + 0.5 * (x[:, :, None] == y[:, None, :])
    return _ends(above.mean(axis=(1, 2)))


def _resampled(strata: Sequence[Sequence[float]], draws: int, rng: np.random.Generator) -> Array:
    """Return values [draws, n], drawn with replacement within each stratum."""
    parts = []
    for stratum in strata:
        values = np.asarray(stratum, float)
        parts.append(values[rng.integers(len(values), size=(draws, len(values)))])
    return np.concatenate(parts, axis=1)


def _ends(values: Array) -> Interval:
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
