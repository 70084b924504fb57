"""Compute the margin loss of capsules' lengths (Sabour et al., 2017, equation 4)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class MarginLoss:
    """The mean over pictures of the sum over classes of

        T max(0, present - |v|)^2 + down (1 - T) max(0, |v| - absent)^2

    with T 1 where the class is there. Called with the logarithms of lengths [B, K], and classes [B]
    or memberships [B, K], which mixup makes fractions.
    """

    present: float = 0.9  # m+
    absent: float = 0.1  # m-
    down: float = 0.5  # lambda: else the many absent classes shrink all capsules in the beginning

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        lengths, there = outputs.exp(), memberships(targets, outputs.shape[1])
        short = (self.present - lengths).relu().square()
        long = (lengths - self.absent).relu().square()
        return (there * short + self.down * (1 - there) * long).sum(1).mean()

    def weight(self, targets: Tensor) -> Tensor:
        return torch.full((), float(len(targets)), device=targets.device)


def memberships(targets: Tensor, classes: int) -> Tensor:
    """Return memberships [B, K] of classes [B]; what is given so stays."""
    if targets.is_floating_point():
        return targets
    return functional.one_hot(targets, classes).float()
