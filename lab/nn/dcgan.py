"""Shrink images of any size to vectors by strided convolutions, and grow them back.

The layout of Radford et al., "Unsupervised representation learning with deep convolutional
generative adversarial networks" (2016), section 3: each level halves the sides, rounding up, and
doubles the channels; the two ends have no BatchNorm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import Literal

from torch import Tensor, nn

from lab.nn.activations import activation as named

Norm = Literal["none", "batch"]
Activation = str | Callable[[], nn.Module]  # a name of ACTIVATIONS, or a factory of modules


class ConvEncoder(nn.Module):
    """Images [B, C, H, W] -> outputs [B, outputs], through features [B, count].

    shape: of one image. width: channels of the first level. smallest: sides are halved until none
    is longer; an image that small meets one level that keeps its size.
    """

    def __init__(
        self,
        shape: Sequence[int],
        outputs: int,
        *,
        width: int = 32,
        norm: Norm = "none",
        activation: Activation = "relu",
        smallest: int = 4,
    ) -> None:
        super().__init__()
        levels = _levels(shape, width, smallest)
        self.pyramid = nn.Sequential(*_down(levels, norm, activation), nn.Flatten())
        self.count = prod(levels[-1])
        self.output = nn.Linear(self.count, outputs)

    def features(self, images: Tensor) -> Tensor:
        """Return the inputs of the last layer [B, count]."""
        features: Tensor = self.pyramid(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        outputs: Tensor = self.output(self.features(images))
        return outputs


class ConvDecoder(nn.Module):
    """Inputs [B, inputs] -> images [B, C, H, W], unbounded: the mirror image of `ConvEncoder`."""

    def __init__(
        self,
        inputs: int,
        shape: Sequence[int],
        *,
        width: int = 32,
        norm: Norm = "none",
        activation: Activation = "relu",
        smallest: int = 4,
    ) -> None:
        super().__init__()
        levels = _levels(shape, width, smallest)[::-1]
        self.input = nn.Linear(inputs, prod(levels[0]))
        self.pyramid = nn.Sequential(
            nn.Unflatten(1, levels[0]),
            *_after(levels[0][0], norm, activation),
            *_up(levels, norm, activation),
        )

    def forward(self, inputs: Tensor) -> Tensor:
        images: Tensor = self.pyramid(self.input(inputs))
        return images


def _levels(shape: Sequence[int], width: int, smallest: int) -> list[tuple[int, int, int]]:
    """Return the shapes from the image to the top."""
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"an image is [channels, height, width], not {list(shape)}")
    channels, height, across = shape
    levels = [(channels, height, across)]
    while len(levels) == 1 or max(height, across) > smallest:
        if max(height, across) > smallest:
            height, across = -(-height // 2), -(-across // 2)
        levels.append((width * 2 ** (len(levels) - 1), height, across))
    return levels


def _down(
    levels: Sequence[tuple[int, int, int]], norm: Norm, activation: Activation
) -> Iterator[nn.Module]:
    for number, (large, small) in enumerate(pairwise(levels)):
        kind: Norm = norm if number else "none"
        stride = 1 if large[1:] == small[1:] else 2
        yield nn.Conv2d(large[0], small[0], 3, stride, padding=1)
        yield from _after(small[0], kind, activation)


def _up(
    levels: Sequence[tuple[int, int, int]], norm: Norm, activation: Activation
) -> Iterator[nn.Module]:
    for number, (small, large) in enumerate(pairwise(levels), start=2):
        yield _grow(small, large)
        if number < len(levels):
            yield from _after(large[0], norm, activation)


def _grow(small: tuple[int, int, int], large: tuple[int, int, int]) -> nn.Module:
    """Return the layer from one level to the next larger one, of exactly that size."""
    if small[1:] == large[1:]:
        return nn.Conv2d(small[0], large[0], 3, padding=1)
    # with stride 2 and padding 1, a kernel of 4 gives 2 n, one of 3 gives 2 n - 1; the first is a
    # multiple of the stride, so that all pixels have equally many inputs
    kernel = (4 - large[1] % 2, 4 - large[2] % 2)
    return nn.ConvTranspose2d(small[0], large[0], kernel, 2, padding=1)


def _after(channels: int, norm: Norm, activation: Activation) -> Iterator[nn.Module]:
    if norm == "batch":
        yield nn.BatchNorm2d(channels)
    yield named(activation) if isinstance(activation, str) else activation()
