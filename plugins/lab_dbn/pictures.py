"""Find and lay out what belongs together."""

from __future__ import annotations

import torch
from torch import Tensor


def nearest(states: Tensor, others: Tensor) -> Tensor:
    """Return, for each of states [B, V], the index of the nearest of others [N, V]."""
    return torch.cdist(states, others).argmin(1)


def interleaved(one: Tensor, other: Tensor) -> Tensor:
    """Return the rows of two tensors [B, ...] in turn [2 B, ...]."""
    return torch.stack([one, other], 1).flatten(0, 1)
