"""Bring a source's inputs to the units that the players work in, and back: images in [-1, 1],
tables and sequences standardized, words one-hot."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import one_hot

from lab import DatasetInfo
from lab.generative import centered, uncentered


def encoded(inputs: Tensor, info: DatasetInfo) -> Tensor:
    """Return inputs [B, ...] as the players see them; tokens [B, T] become words [B, T, V]."""
    if info.kind == "tokens":
        return one_hot(inputs.long(), len(info.vocabulary)).float()
    return centered(inputs, info)


def decoded(examples: Tensor, info: DatasetInfo) -> Tensor:
    """Return what the players see in the source's own units; images in [0, 1]."""
    return examples.argmax(2) if info.kind == "tokens" else uncentered(examples, info)
