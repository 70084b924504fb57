"""Say how sure a figure is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np


def mean_interval(
    values: Sequence[float] | np.ndarray[Any, Any], level: float = 0.95
) -> tuple[float, float] | None:
    """Return the two ends of Student's interval for the mean of `values`; None for fewer than two:
    one value says nothing about its own spread."""
    array = np.asarray(values, dtype=float)
    if len(array) < 2:
        return None
    return student(float(array.mean()), float(array.std(ddof=1)), len(array), level)


def student(mean: float, std: float, n: float, level: float = 0.95) -> tuple[float, float] | None:
    """Return Student's interval of a mean of n values with sample standard deviation `std`; None
    for fewer than two, which have none."""
    from scipy.stats import t

    if n < 2:
        return None
    half = float(t.ppf((1 + level) / 2, n - 1)) * std / math.sqrt(n)
    return mean - half, mean + half
