"""Turn a picture into a vector by the smallest convolutional network that keeps places apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
