"""Confidence intervals of means and proportions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Interval = tuple[float, float]


def mean_interval(
    values: Sequence[float] | np.ndarray[Any, Any], level: float = 0.95
) -> Interval | None:
    """Return the two ends of Student's interval for the mean of `values`; None for fewer than two:
    the variance of one value is undefined."""
    array = np.asarray(values, dtype=float)
    if len(array) < 2:
        return None
    return student(float(array.mean()), float(array.std(ddof=1)), len(array), level)


def student(mean: Any, std: Any, n: float, level: float = 0.95) -> tuple[Any, Any] | None:
    """Return Student's interval of a mean of n values with sample standard deviation `std`, or of
    many means at once, arrays both; None for fewer than two values, which have none."""
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
