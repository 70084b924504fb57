"""Measure forecasts of series: absolute error, and against what the past repeated would give.

Hyndman & Koehler, "Another look at measures of forecast accuracy" (2006), section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lab.metrics.metrics import Moments, fetch, widest
from lab.statistics import bounds, student


class Forecasts:
    """Mean absolute error, as it is and scaled (MASE): the mean over series.

    period: of the season, in steps; 1 for none. A series' errors are divided by the mean error of
    forecasting each step of its history by the one a period before, so below 1 is better than that
    was in the past. They have no unit, so series of different scales compare.
    """

    def __init__(self, period: int = 1) -> None:
        if period < 1:
            raise ValueError(f"a period is 1 step or more, not {period}")
        self.period, self._errors = period, Moments()

    @torch.no_grad()
    def add(self, forecasts: Tensor, targets: Tensor, history: Tensor) -> None:
        """Add forecasts and targets [B, H] or [B, H, F], and what came before [B, T] or [B, T, F],
        or [1, T] or [1, T, F] where that is the same for all.

        Raises ValueError where shapes do not belong together, and where a history has no error to
        compare with: it is no longer than a period, or repeats itself exactly.
        """
        if forecasts.shape != targets.shape:
            raise ValueError(f"forecasts {tuple(forecasts.shape)}, targets {tuple(targets.shape)}")
        if len(history) not in (1, len(targets)) or history.shape[2:] != targets.shape[2:]:
            raise ValueError(f"history {tuple(history.shape)}, targets {tuple(targets.shape)}")
        scale = seasonal_scale(history.to(widest(history)), self.period)
        errors = (forecasts.to(scale.dtype) - targets.to(scale.dtype)).abs().mean(1)
        each = torch.stack([errors, errors / scale], -1)  # [B, 2] or [B, F, 2]
        self._errors.add(each.flatten(1, -2).mean(1) if each.ndim == 3 else each)

    def compute(self, split: str = "eval") -> dict[str, float]:
        """Return `mae` and `mase`; on "test" with Student's intervals over series and n, their
        number. Raises ValueError where nothing was added."""
        (flat,) = fetch(self._errors.flat())
        n, metrics = self._errors.number, dict(zip(("mae", "mase"), map(float, flat), strict=False))
        if split == "test":
            for name, square in zip(("mae", "mase"), flat[2:], strict=True):
                spread = float(square / max(n - 1, 1)) ** 0.5
                metrics |= bounds(name, student(metrics[name], spread, n))
            metrics["n"] = n
        return metrics


def seasonal_scale(history: Tensor, period: int = 1) -> Tensor:
    """Return the mean of |y_t - y_(t - period)| over history [B, T, ...]: [B, ...]."""
    if history.shape[1] <= period:
        raise ValueError(f"a history of {history.shape[1]} steps is not longer than {period}")
    scale = (history[:, period:] - history[:, :-period]).abs().mean(1)
    if bool((scale == 0).any()):
        row = int((scale == 0).nonzero()[0, 0])
        raise ValueError(f"series {row} of the batch repeats itself exactly: no error to scale by")
    return scale
