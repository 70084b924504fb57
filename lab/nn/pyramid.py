"""Turn a picture into a vector, or each of its cells into one, by few convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from torch import Tensor, nn

SMALLEST = 4  # pixels of a side that are not halved any more
WIDEST = 64


class Pyramid(nn.Module):
    """Pictures [B, C, H, W] -> vectors [B, width].

    Convolutions of stride 2 with rectified units, of twice as many channels each, until no side is
    longer than four pixels; then one linear layer over what is left, so that where something
    is can be told.
    """

    def __init__(self, shape: Sequence[int], width: int, channels: int = 16) -> None:
        super().__init__()
        halvings, left = halved(shape, channels)
        self.layers = nn.Sequential(*halvings, nn.Flatten(), nn.Linear(prod(left), width))

    def forward(self, pictures: Tensor) -> Tensor:
        vectors: Tensor = self.layers(pictures)
        return vectors


class Grid(nn.Module):
    """Pictures [B, C, H, W] -> a vector for each cell of what a pyramid leaves of them, row by row,
    [B, cells, width]: the annotations of Xu et al. (2015, section 3.1.1)."""

    def __init__(self, shape: Sequence[int], width: int, channels: int = 32) -> None:
        super().__init__()
        halvings, left = halved(shape, channels)
        self.layers = nn.Sequential(*halvings)
        self.project = nn.Linear(left[0], width)
        self.cells = left[1] * left[2]

    def forward(self, pictures: Tensor) -> Tensor:
        cells = self.layers(pictures).flatten(2).transpose(1, 2)  # (B, cells, channels)
        vectors: Tensor = self.project(cells)
        return vectors


def halved(shape: Sequence[int], channels: int) -> tuple[list[nn.Module], tuple[int, int, int]]:
    """Return layers that halve the sides of pictures (C, H, W) until none is longer than four
    pixels, and the shape that they leave."""
    layers: list[nn.Module] = []
    depth, height, width = shape
    while max(height, width) > SMALLEST:
        layers += [nn.Conv2d(depth, channels, 3, stride=2, padding=1), nn.ReLU()]
        depth, height, width = channels, -(-height // 2), -(-width // 2)
        channels = min(2 * channels, WIDEST)
    return layers, (depth, height, width)
