"""Compute the inputs of each layer: data as visible states, or the means of frozen layers."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import one_hot

import lab
from lab import Batch, Data, DatasetInfo
from lab.generative import check_variety, scaled
from lab_dbn.model import DBN

AT_ONCE = 512  # examples that are propagated together


def visible(inputs: Tensor, info: DatasetInfo, gaussian: bool) -> Tensor:
    """Return inputs [B, ...] of a source as visible states [B, V]: intensities in [0, 1], or
    standardized values for gaussian units."""
    return scaled(inputs, info, standardized=gaussian).flatten(1)


class Features:
    """The states that layer `level` (0: the visible one) takes on, for examples of the data.

    Those of the training split are computed once for each phase, as the layers below are frozen
    then, unless they take more memory than the data may (`--max-resident-mb`). They are no part of
    a checkpoint: a resumed run computes the same from the same frozen weights.
    """

    def __init__(self, data: Data, net: DBN, gaussian: bool) -> None:
        self.data, self.net, self.gaussian = data, net, gaussian
        self._level, self._cached = -1, torch.empty(0)
        self._checked = False

    def of(self, batch: Batch, level: int) -> Tensor:
        """Return the features of examples of any split [B, H]."""
        return self.net.up(visible(batch["inputs"], self.data.info, self.gaussian), level)

    @torch.no_grad()
    def train(self, batch: Batch, level: int) -> Tensor:
        """Return the features of examples of the training split [B, H]."""
        if self._level != level:
            self._cache(level)
        return self._cached[batch["rows"]] if len(self._cached) else self.of(batch, level)

    def _cache(self, level: int) -> None:
        rbm = self.net.machines[level]
        size = 4 * len(self.data.train) * rbm.units
        parts = []
        if size <= self.data.request.max_resident_mb * 2**20:
            parts = [self.of(batch, level) for batch in self.data.train.batches(AT_ONCE)]
        self._level, self._cached = level, torch.cat(parts) if parts else torch.empty(0)

    def forget(self) -> None:
        """Drop the cached features: weights below may have changed."""
        self._level, self._cached = -1, torch.empty(0)

    @torch.no_grad()
    def mean(self, level: int) -> Tensor:
        """Return the mean state of the RBM above `level`, label units included [H + K]."""
        total, split = torch.zeros(()), self.data.train
        for batch in split.batches(AT_ONCE):
            total = total.to(batch["inputs"].device) + self.labeled(batch, level).sum(0)
        return total / len(split)

    def labeled(self, batch: Batch, level: int, train: bool = False) -> Tensor:
        """Return the features, with one-hot classes where the RBM above has label units."""
        features = self.train(batch, level) if train else self.of(batch, level)
        labels = self.net.machines[level].labels
        if not labels:
            return features
        return torch.cat([features, one_hot(batch["targets"].long(), labels).to(features.dtype)], 1)

    def check(self) -> None:
        """Raise UsageError where visible units cannot learn from these data. Checks once."""
        if self._checked:
            return
        low, high = self._range()
        name = self.data.info.name
        if not self.gaussian and (float(low.min()) < 0 or float(high.max()) > 1):
            raise lab.UsageError(
                f"{name} runs from {float(low.min()):g} to {float(high.max()):g}, beyond what bits "
                "can be: take --visible gaussian."
            )
        check_variety(self.data)
        self._checked = True

    def _range(self) -> tuple[Tensor, Tensor]:
        """Return the lowest and the highest state of each visible unit [V]."""
        lows, highs = [], []
        for batch in self.data.train.batches(AT_ONCE):
            states = self.of(batch, 0)
            lows.append(states.amin(0))
            highs.append(states.amax(0))
        return torch.stack(lows).amin(0), torch.stack(highs).amax(0)
