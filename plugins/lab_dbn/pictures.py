"""Find nearest neighbors, and interleave rows."""

from __future__ import annotations

import torch
from torch import Tensor


def nearest(states: Tensor, candidates: Tensor) -> Tensor:
    """Return, for each of states [B, V], the index of the nearest of candidates [N, V]."""
    return torch.cdist(states, candidates).argmin(1)


def interleaved(a: Tensor, b: Tensor) -> Tensor:
    """Return the rows of two tensors [B, ...] in turn [2 B, ...]."""
    return torch.stack([a, b], 1).flatten(0, 1)
