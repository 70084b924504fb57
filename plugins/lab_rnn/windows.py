"""Cut a series into what is read and what is to be forecast of it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

import lab
from lab.data.data import Data

AT_ONCE = 512  # windows that are measured in a batch


class Windows:
    """A series [N, F], as the source has it, and its windows of `context` + `horizon` steps.

    Those of train lie within it. Those of eval and test forecast each step of their split that they
    can, and may read what lies before it: when one forecasts, all of the past is known.
    Raises UsageError where a split is too short for one.
    """

    def __init__(self, data: Data, context: int, horizon: int) -> None:
        self.context, self.horizon = context, horizon
        self.series = torch.cat([data.part(name).inputs for name in ("train", "eval", "test")])
        ends = torch.tensor([len(data.part(name)) for name in ("train", "eval", "test")]).cumsum(0)
        self._first = dict(zip(("train", "eval", "test"), [0, *ends[:2].tolist()], strict=True))
        self._last = dict(zip(("train", "eval", "test"), ends.tolist(), strict=True))
        for name in self._last:
            if len(self.starts(name)) == 0:
                raise lab.UsageError(
                    f"{data.request.data_name}: {name} has {len(data.part(name)):,} steps, too few "
                    f"to forecast --horizon {horizon} after --context {context}"
                )

    @property
    def train(self) -> Tensor:
        """The steps to train on [N, F]."""
        return self.series[: self._last["train"]]

    def starts(self, name: str) -> Tensor:
        """Return the first steps [M] of the horizons of a split."""
        first = max(self._first[name], self.context)
        last = self._last[name] - self.horizon
        return torch.arange(first, max(first, last + 1), device=self.series.device)

    def take(self, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Return pasts [B, C, F] and what follows on them [B, H, F], which `starts` [B] begin."""
        offsets = torch.arange(-self.context, self.horizon, device=starts.device)
        windows = self.series[starts[:, None] + offsets]
        return windows[:, : self.context], windows[:, self.context :]

    def batches(self, name: str) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all windows of a split, some at a time."""
        yield from map(self.take, self.starts(name).split(AT_ONCE))
