"""Say which steps there are and which of them may be attended to: True is kept, everywhere.

Masks of attention broadcast to [B, heads, queries, keys].
"""

from __future__ import annotations

import torch
from torch import Tensor


def keep_mask(lengths: Tensor, steps: int) -> Tensor:
    """Return the steps that there are, [B, T], of sequences of `lengths` [B] padded at the end."""
    return torch.arange(steps, device=lengths.device) < lengths[:, None]


def key_mask(keep: Tensor) -> Tensor:
    """Return the mask [B, 1, 1, S] under which every query sees the keys of `keep` [B, S]."""
    return keep[:, None, None, :]


def causal_mask(steps: int, device: torch.device | None = None) -> Tensor:
    """Return the mask [T, T] under which each step sees itself and those before it."""
    return torch.ones(steps, steps, dtype=torch.bool, device=device).tril()


def past_mask(positions: Tensor, capacity: int) -> Tensor:
    """Return the mask [B, 1, T, capacity] under which a query at `positions` [B, T] sees the keys
    at its own position and before: the causal mask of a cache whose rows stand at different
    places."""
    return torch.arange(capacity, device=positions.device) <= positions[:, None, :, None]


def both(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """Return the mask that keeps what both keep; None keeps everything."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def check_lengths(lengths: Tensor, steps: int) -> None:
    """Raise ValueError where a length is not in 1..T: an empty sequence says nothing.

    Only where looking is free: not on an accelerator, which would have to be waited for, nor in a
    graph or under `torch.func.vmap`, where there are no values yet.
    """
    if not readable(lengths):
        return
    for row, length in enumerate(lengths.tolist()):
        if not 1 <= length <= steps:
            what = "is empty: leave it out" if length == 0 else f"has length {length} of {steps}"
            raise ValueError(f"sequence {row} of the batch {what}")


def readable(values: Tensor) -> bool:
    """Return whether looking at values is free."""
    return (
        values.device.type == "cpu"
        and not torch.compiler.is_compiling()
        and not torch._C._functorch.is_batchedtensor(values)
    )
