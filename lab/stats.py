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
    from scipy.stats import t

    array = np.asarray(values, dtype=float)
    mean = float(array.mean())
    if len(array) < 2:
        return mean, mean
    half = float(t.ppf((1 + level) / 2, len(array) - 1)) * array.std(ddof=1) / math.sqrt(len(array))
    return mean - half, mean + half
