"""Bring a source's inputs to the units that the players work in, and back: images in [-1, 1],
tables and sequences standardized, words one-hot."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import one_hot

from lab import DatasetInfo
from lab.generative import restored, scaled


def encoded(inputs: Tensor, about: DatasetInfo) -> Tensor:
    """Return inputs [B, ...] as the players see them; tokens [B, T] become words [B, T, V]."""
    if about.kind == "tokens":
        return one_hot(inputs.long(), len(about.vocabulary)).float()
    if about.kind == "image":
        return 2 * scaled(inputs, about) - 1
    return about.prepare_inputs(inputs)


def decoded(examples: Tensor, about: DatasetInfo) -> Tensor:
    """Return what the players see in the source's own units; images in [0, 1]."""
    if about.kind == "tokens":
        return examples.argmax(2)
    if about.kind == "image":
        return restored((examples + 1) / 2, about)
    return restored(examples, about, standardized=True)
