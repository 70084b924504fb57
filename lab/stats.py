"""Say how sure a figure is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def mean_interval(
    values: Sequence[float] | np.ndarray[Any, Any], level: float = 0.95
) -> tuple[float, float]:
    """Return the two ends of Student's interval for the mean of `values`.

    One value says nothing about its own spread: the interval is then that value twice.
    """
    array = np.asarray(values, dtype=float)
    std = float(array.std(ddof=1)) if len(array) > 1 else 0.0
    return student(float(array.mean()), std, len(array), level)


def student(mean: float, std: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return Student's interval of a mean of n values with sample standard deviation `std`; the
    mean twice where one value says nothing about its own spread."""
    from scipy.stats import t

    if n < 2:
        return mean, mean
    half = float(t.ppf((1 + level) / 2, n - 1)) * std / math.sqrt(n)
    return mean - half, mean + half
