"""Convolutions over what a game shows."""

from __future__ import annotations

import torch
from torch import nn

NATURE_MIN_SIDE = 36  # smaller pictures do not survive its three strides


def screen_convolutions(planes: int, height: int, width: int) -> tuple[nn.Sequential, int]:
    """Return layers from pictures [B, planes, height, width], and how many features come out when
    flattened: those of the Nature DQN, or one layer where a side is under 36 pixels."""
    small = min(height, width) < NATURE_MIN_SIDE
    layers = _small_convolution(planes) if small else _nature_convolutions(planes)
    with torch.no_grad():
        features = layers(torch.zeros(1, planes, height, width)).flatten(1).shape[1]
    return layers, int(features)


def _nature_convolutions(planes: int) -> nn.Sequential:
    """The three layers of Mnih et al. (2015), methods: model architecture."""
    return nn.Sequential(
        nn.Conv2d(planes, 32, 8, stride=4),
        nn.ReLU(),
        nn.Conv2d(32, 64, 4, stride=2),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, stride=1),
        nn.ReLU(),
    )


def _small_convolution(planes: int) -> nn.Sequential:
    """The one layer that Young and Tian (2019) use for 10 x 10 pictures."""
    return nn.Sequential(nn.Conv2d(planes, 16, 3, padding=1), nn.ReLU())
