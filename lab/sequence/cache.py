"""Keep the keys and values of steps that were read, so that decoding computes each of them once.

A cache has a place for every position of every row. Rows may stand at different positions: prompts
of different lengths, padded at the end, are decoded in one batch. What padding left behind the end
of a row is never seen, since a query sees positions up to its own, and each is written before that.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lab.sequence.masks import past_mask, readable

KeyValue = dict[str, Tensor]  # "key" and "value", each [B, heads, capacity, width of a head]


def empty_cache(like: Tensor, batch: int, heads: int, capacity: int, width: int) -> KeyValue:
    """Return a cache without steps, of the type and device of `like`."""
    return {name: like.new_zeros(batch, heads, capacity, width) for name in ("key", "value")}


def write(cache: KeyValue, key: Tensor, value: Tensor, positions: Tensor) -> None:
    """Write keys and values [B, h, T, d] at their positions [B or 1, T], in place.

    Raises ValueError where there are more steps than places.
    """
    steps, capacity = key.shape[2], cache["key"].shape[2]
    if steps > capacity:
        raise ValueError(f"{steps} steps do not fit a cache of {capacity}: make it larger")
    rows = torch.arange(key.shape[0], device=key.device)[:, None]
    for name, new in (("key", key), ("value", value)):
        by_row_and_position = cache[name].transpose(1, 2)  # a view: torch.func.vmap takes this form
        by_row_and_position[rows, positions] = new.transpose(1, 2).to(cache[name].dtype)


def reached(cache: KeyValue, places: int) -> KeyValue:
    """Return the first places of a cache, as views."""
    return {name: kept[:, :, :places] for name, kept in cache.items()}


def past(positions: Tensor, capacity: int) -> tuple[int, Tensor | None]:
    """Return how many places of a cache the queries at `positions` [B, T] look at, and the mask of
    those that each sees, [B, 1, T, places]; None where each sees them all.

    Places that nothing has reached yet are left out where looking at values is free.
    """
    if not readable(positions):
        return capacity, past_mask(positions, capacity)
    first, last = (int(value) for value in positions.aminmax())
    return last + 1, None if first == last else past_mask(positions, last + 1)
