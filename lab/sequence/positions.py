"""Tell a Transformer where its inputs stand.

All take explicit positions [B, T], so that a step of cached decoding may stand anywhere.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lab.errors import UsageError
from lab.sequence.masks import readable

BASE = 10_000.0  # the longest wavelength, in units of 2 pi positions


def count_up(like: Tensor) -> Tensor:
    """Return the positions [1, T] of inputs [B, T, ...] that begin at 0."""
    return torch.arange(like.shape[1], device=like.device)[None]


def angles(positions: Tensor, width: int) -> Tensor:
    """Return the angle p / 10000^(2i / width) for each position p [...] and i < width / 2, as
    [..., width / 2] (Vaswani et al., 2017, section 3.5; Su et al., 2021, equation 15)."""
    exponents = torch.arange(0, width, 2, device=positions.device) / width
    return positions[..., None] * BASE**-exponents


class Sinusoidal(nn.Module):
    """Positions as sines and cosines of wavelengths from 2 pi to 10000 * 2 pi (Vaswani et al.,
    2017, section 3.5): sin of angle i at 2i, cos at 2i + 1. The width is even; there is no end, so
    the capacity is nothing to it."""

    def __init__(self, width: int, capacity: int | None = None) -> None:
        super().__init__()
        self.width = _even(width)

    def forward(self, positions: Tensor) -> Tensor:
        """Return encodings [B, T, width] of positions [B, T]."""
        angle = angles(positions, self.width)
        return torch.stack([angle.sin(), angle.cos()], -1).flatten(-2)


class Learned(nn.Embedding):
    """Positions as parameters, [capacity, width] (Gehring et al., 2017)."""

    def __init__(self, width: int, capacity: int) -> None:
        super().__init__(capacity, width)
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, positions: Tensor) -> Tensor:
        """Return encodings [B, T, width] of positions [B, T].

        Raises UsageError for one beyond the capacity, where looking is free.
        """
        if readable(positions) and positions.numel():
            _check_capacity(int(positions.max()), self.num_embeddings)
        return super().forward(positions)


class Rotary(nn.Module):
    """Positions as rotations of queries and keys (Su et al., 2021, equations 14, 15 and 34).

    The components 2i and 2i + 1 turn by angle i, so that a product of a query and a key depends on
    the distance of their positions alone. The width of a head is even.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = _even(width)

    def forward(self, vectors: Tensor, positions: Tensor) -> Tensor:
        """Return vectors [B, heads, T, width] turned by their positions [B, T]."""
        angle = angles(positions, self.width)[:, None]  # [B, 1, T, width / 2]
        cos, sin = angle.cos(), angle.sin()
        even, odd = vectors[..., 0::2], vectors[..., 1::2]
        turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1)
        return turned.flatten(-2).to(vectors.dtype)


def _check_capacity(highest: int, capacity: int) -> None:
    if highest >= capacity:
        raise UsageError(
            f"position {highest} is beyond the {capacity} learned ones: shorten the sequence, or "
            "train with --positions sinusoidal or rotary, which have no end"
        )


def _even(width: int) -> int:
    if width % 2:
        raise ValueError(f"positions turn pairs of components: a width of {width} is odd")
    return width
