"""Forecast by a linear function of the past: what a network has to beat."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lab_rnn.windows import Windows

MOST = 20_000  # windows that it is fitted to
ALPHA = 1.0  # of the ridge, on values of a standard deviation of about 1


class RidgeAutoregression:
    """Pasts [B, C, F] -> the next steps [B, H, K], K of the F columns, in one product.

    Each is a linear function of all steps of the past, relative to the last one, that has the least
    squared error on train, with a ridge (Hoerl & Kennard, 1970).
    """

    def __init__(self, windows: Windows, columns: list[int]) -> None:
        self.columns = columns
        self.std = windows.train.double().std(0).clamp(min=1e-12)  # [F]
        starts = windows.starts("train")
        chosen = np.linspace(0, len(starts) - 1, min(MOST, len(starts))).astype(int)
        past, future = windows.take(starts[torch.from_numpy(chosen).to(starts.device)])
        x = self._features(past)
        y = ((future.double() - past[:, -1:].double()) / self.std)[..., columns].flatten(1)
        square = x.T @ x + ALPHA * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        self.weights = torch.linalg.solve(square, x.T @ y)  # [C F + 1, H K]

    def __call__(self, past: Tensor) -> Tensor:
        """Return forecasts [B, H, K] in the unit of the series."""
        changes = (self._features(past) @ self.weights).unflatten(1, (-1, len(self.columns)))
        last = past[:, -1:, self.columns].double()
        forecasts: Tensor = last + changes * self.std[self.columns]
        return forecasts

    def _features(self, past: Tensor) -> Tensor:
        """Return the past relative to its last step, and a constant [B, C F + 1]."""
        changes = ((past.double() - past[:, -1:].double()) / self.std).flatten(1)
        return torch.cat([changes, changes.new_ones(len(past), 1)], 1)


def seasonal_naive(past: Tensor, horizon: int, period: int) -> Tensor:
    """Return the last season of pasts [B, C, F], repeated over the horizon [B, H, F]."""
    season = past[:, -period:]
    return season.repeat(1, -(-horizon // period), 1)[:, :horizon]
