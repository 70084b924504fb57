"""Vary what the discriminator sees, reals and fakes in the same ways, each at random, and let the
generator learn through it: with little data no discriminator learns the examples by heart then.

Zhao et al., "Differentiable augmentation for data-efficient GAN training" (2020), section 3.2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Generator, Tensor

from lab.data import augment as vary

Variation = Callable[[Tensor, Generator], Tensor]

LARGEST_SHIFT = 1 / 8  # of a side
HOLE = 1 / 2


def _color(images: Tensor, generator: Generator) -> Tensor:
    """Vary brightness, saturation and contrast."""

    def amount(low: float, high: float) -> Tensor:
        drawn = torch.rand((len(images), 1, 1, 1), generator=generator, device=images.device)
        return low + (high - low) * drawn

    images = images + amount(-0.5, 0.5)
    gray = images.mean(1, keepdim=True)
    images = gray + (images - gray) * amount(0.0, 2.0)
    middle = images.mean((1, 2, 3), keepdim=True)
    return middle + (images - middle) * amount(0.5, 1.5)


def _translation(images: Tensor, generator: Generator) -> Tensor:
    """Shift by up to an eighth of the longer side; what comes in is 0."""
    pixels = max(1, round(max(images.shape[2:]) * LARGEST_SHIFT))
    return vary.draw_shift(images, pixels, generator)(images, 0)


def _cutout(images: Tensor, generator: Generator) -> Tensor:
    """Clear a square of half the longer side."""
    return vary.cutout(images, max(1, round(max(images.shape[2:]) * HOLE)), generator)


VARIATIONS: Mapping[str, Variation] = {
    "color": _color,
    "translation": _translation,
    "cutout": _cutout,
}


def differentiable(images: Tensor, policy: Sequence[str], generator: Generator) -> Tensor:
    """Return images [B, C, H, W] varied one way after the other; gradients pass through."""
    for name in policy:
        images = VARIATIONS[name](images, generator)
    return images
