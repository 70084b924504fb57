"""Draw filters, reconstructions and samples as grids of small pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab import About

Picture = np.ndarray[Any, np.dtype[np.uint8]]

SIDE = 32  # pixels that a picture takes at least
GAP = 2
GREY = 96  # between the pictures


def restored(visible: Tensor, about: About, gaussian: bool) -> Tensor:
    """Return visible states [B, V] in the source's own unit, images in [0, 1]."""
    shaped = visible.view(-1, *about.shape)
    if not gaussian:
        return shaped
    shape = (-1, 1, 1) if about.kind in ("image", "video") else (-1,)
    mean, std = (shaped.new_tensor(v).view(shape) for v in (about.mean, about.std))
    found = shaped * std + mean
    return found.clamp(0, 1) if about.kind == "image" else found


def grid(images: Tensor, columns: int) -> Picture:
    """Return images [N, C, h, w] in [0, 1] as one picture, row by row: [H, W] in grey, or
    [H, W, 3]."""
    count, channels, height, width = images.shape
    colours = images if channels == 3 else images.mean(1, keepdim=True)
    zoom = max(1, math.ceil(SIDE / max(height, width)))
    small = (colours.clamp(0, 1) * 255).round().byte().cpu().numpy().transpose(0, 2, 3, 1)
    large = small.repeat(zoom, 1).repeat(zoom, 2)
    tall, wide = large.shape[1] + GAP, large.shape[2] + GAP
    rows = -(-count // columns)
    canvas = np.full((rows * tall + GAP, columns * wide + GAP, large.shape[3]), GREY, np.uint8)
    for number, picture in enumerate(large):
        row, column = divmod(number, columns)
        top, left = GAP + row * tall, GAP + column * wide
        canvas[top : top + tall - GAP, left : left + wide - GAP] = picture
    return canvas[..., 0] if canvas.shape[2] == 1 else canvas


def filters(weight: Tensor, about: About, number: int = 64) -> Picture:
    """Draw the weights [V, H] of hidden units, each stretched from its lowest to its highest."""
    shown = weight.T[:number]
    low, high = shown.amin(1, keepdim=True), shown.amax(1, keepdim=True)
    return grid(((shown - low) / (high - low).clamp(min=1e-12)).view(-1, *about.shape), 8)


def nearest(states: Tensor, others: Tensor) -> Tensor:
    """Return, for each of states [B, V], the index of the nearest of others [N, V]."""
    return torch.cdist(states, others).argmin(1)


def interleaved(one: Tensor, other: Tensor) -> Tensor:
    """Return the rows of two tensors [B, ...] in turn [2 B, ...]."""
    return torch.stack([one, other], 1).flatten(0, 1)
