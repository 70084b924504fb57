"""Turn a picture into a vector, or each of its cells into one, by few convolutions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from torch import Tensor, nn

SMALLEST = 4  # pixels of a side that are not halved any more
CELLS = 8  # of a side of a grid, at most
WIDEST = 64


class Pyramid(nn.Module):
    """Pictures [B, C, H, W] -> vectors [B, width].

    Convolutions of stride 2 with rectified units, of twice as many channels each, until no side is
    longer than four pixels; then one linear layer over what is left, so that where something
    is can be told.
    """

    def __init__(self, shape: Sequence[int], width: int, channels: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(*self._halved(tuple(shape), width, channels))

    @staticmethod
    def _halved(shape: tuple[int, ...], width: int, channels: int) -> Iterator[nn.Module]:
        while max(shape[1:]) > SMALLEST:
            yield nn.Conv2d(shape[0], channels, 3, stride=2, padding=1)
            yield nn.ReLU()
            shape = channels, *(-(-side // 2) for side in shape[1:])
            channels = min(2 * channels, WIDEST)
        yield nn.Flatten()
        yield nn.Linear(prod(shape), width)

    def forward(self, pictures: Tensor) -> Tensor:
        vectors: Tensor = self.layers(pictures)
        return vectors


class Grid(nn.Module):
    """Pictures [B, C, H, W] -> a vector for each of their cells, row by row, [B, cells, width]: the
    annotations of Xu et al. (2015, section 3.1.1).

    Pairs of convolutions, of which the second halves the sides, with BatchNorm and rectified units,
    until no side is longer than eight cells.
    """

    def __init__(self, shape: Sequence[int], width: int, channels: int = 32) -> None:
        super().__init__()
        depth, *sides = shape
        layers: list[nn.Module] = []
        while max(sides) > CELLS:
            layers += [*_convolution(depth, channels, 1), *_convolution(channels, channels, 2)]
            sides = [-(-side // 2) for side in sides]
            depth, channels = channels, min(2 * channels, WIDEST)
        self.layers = nn.Sequential(*layers)
        self.project = nn.Linear(depth, width)
        self.cells = prod(sides)

    def forward(self, pictures: Tensor) -> Tensor:
        cells = self.layers(pictures).flatten(2).transpose(1, 2)  # (B, cells, channels)
        vectors: Tensor = self.project(cells)
        return vectors


def _convolution(depth: int, channels: int, stride: int) -> Iterator[nn.Module]:
    yield nn.Conv2d(depth, channels, 3, stride, padding=1, bias=False)
    yield nn.BatchNorm2d(channels)
    yield nn.ReLU()
