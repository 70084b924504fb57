"""Draw filters, and lay what belongs together side by side."""

from __future__ import annotations

import torch
from torch import Tensor

from lab import About
from lab.kit.generative import showable


def filters(weight: Tensor, about: About, number: int = 64) -> Tensor:
    """Return the weights [V, H] of hidden units as images, each stretched from its lowest to its
    highest."""
    shown = weight.T[:number]
    low, high = shown.amin(1, keepdim=True), shown.amax(1, keepdim=True)
    return showable(((shown - low) / (high - low).clamp(min=1e-12)).view(-1, *about.shape))


def nearest(states: Tensor, others: Tensor) -> Tensor:
    """Return, for each of states [B, V], the index of the nearest of others [N, V]."""
    return torch.cdist(states, others).argmin(1)


def interleaved(one: Tensor, other: Tensor) -> Tensor:
    """Return the rows of two tensors [B, ...] in turn [2 B, ...]."""
    return torch.stack([one, other], 1).flatten(0, 1)
