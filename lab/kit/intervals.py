"""Say how far a figure of a finite test set may be from the truth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lab.stats import student as student  # with `wilson`, one place for a plugin author

if TYPE_CHECKING:
    from torch import Tensor


def summed_up(name: str, values: Tensor, split: str) -> dict[str, float]:
    """Return the mean of values [N] as a figure; on "test" with n, and Student's interval of 95 %
    over the examples as `<name>_low` and `<name>_high`, where there are several."""
    mean = float(values.mean())
    if split != "test":
        return {name: mean}
    spread = float(values.std()) if len(values) > 1 else math.nan
    return {name: mean, **bounds(name, student(mean, spread, len(values))), "n": len(values)}


def bounds(name: str, interval: tuple[float, float] | None) -> dict[str, float]:
    """Return the ends of an interval as figures, `<name>_low` and `<name>_high`; none for None."""
    return {} if interval is None else {f"{name}_low": interval[0], f"{name}_high": interval[1]}


def wilson(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's (1927) interval of a proportion `share` of n trials; (0, 1) for none.

    It stays within [0, 1] and is not empty where all or no trials succeed: how widely a proportion
    scatters is known from one trial on.
    """
    from scipy.stats import norm

    if n == 0:
        return 0.0, 1.0
    z = float(norm.ppf((1 + level) / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))
