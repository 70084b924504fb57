"""Compute losses as means over what is really counted, and say what that mean divides by.

A loss is called with outputs and targets. `weight(targets)` is the divisor: with it `Updater` joins
the parts of a batch, and metrics the batches of a set, into the mean of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from lab.data.batches import IGNORED

TINY = 1e-12  # divides where nothing is counted: the sum is 0 then, and so is the mean


class Loss(Protocol):
    """What every loss of this file is."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean as a scalar."""

    def weight(self, targets: Tensor) -> Tensor:
        """Return the divisor of the mean over these targets, as a scalar on their device."""


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy of logits [B, C, ...] with classes [B, ...] or class probabilities [B, C, ...].

    label_smoothing: fraction of each label that is spread evenly over the classes (Szegedy et al.,
    2016, section 7). class_weights: [C]. ignore: the class that counts for nothing (void pixels,
    padding). The mean divides by the sum of the class weights of the targets, and for
    probabilities by their number, as torch does; but it is 0, not NaN, where all is ignored.
    """

    label_smoothing: float = 0.0
    class_weights: Tensor | None = None
    ignore: int | None = None

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        soft = targets.is_floating_point()  # where no class could be ignored
        losses = functional.cross_entropy(
            outputs,
            targets,
            self.class_weights,
            ignore_index=IGNORED if self.ignore is None or soft else self.ignore,
            reduction="none",  # on CUDA the sum over pixels that it takes is not deterministic
            label_smoothing=self.label_smoothing,
        )
        return losses.sum() / self.weight(targets).clamp(min=TINY)

    def weight(self, targets: Tensor) -> Tensor:
        if targets.is_floating_point():
            return _number(targets[:, 0])
        counted = torch.ones_like(targets, dtype=torch.bool)
        if self.ignore is not None:
            counted = targets != self.ignore
        if self.class_weights is None:
            return counted.sum().float()
        return (self.class_weights[targets.where(counted, 0)] * counted).sum()


@dataclass(frozen=True)
class MSE:
    """Mean squared error over all values; outputs and targets of one shape."""

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        _check_shapes(outputs, targets)
        return functional.mse_loss(outputs, targets)

    def weight(self, targets: Tensor) -> Tensor:
        return _number(targets)


@dataclass(frozen=True)
class Huber:
    """Huber's loss: squared below `delta`, straight above; outputs and targets of one shape."""

    delta: float = 1.0

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        _check_shapes(outputs, targets)
        return functional.huber_loss(outputs, targets, delta=self.delta)

    def weight(self, targets: Tensor) -> Tensor:
        return _number(targets)


def class_weights(targets: Tensor, classes: int) -> Tensor:
    """Return weights [classes] under which each class that occurs in `targets` (integers of any
    shape) counts for the same; 0 for one that does not occur."""
    counts = torch.bincount(targets.flatten(), minlength=classes).float()
    occurring = (counts > 0).sum()
    return (counts.sum() / (occurring * counts.clamp(min=1.0))).where(counts > 0, 0.0)


def _number(targets: Tensor) -> Tensor:
    return torch.full((), float(targets.numel()), device=targets.device)


def _check_shapes(outputs: Tensor, targets: Tensor) -> None:
    """Raise ValueError where broadcasting would compare each output with every target."""
    if outputs.shape != targets.shape:
        raise ValueError(
            f"outputs are {tuple(outputs.shape)} and targets {tuple(targets.shape)}: reshape one"
        )
