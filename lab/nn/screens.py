"""Convolutions over what a game shows."""

from __future__ import annotations

import torch
from torch import nn

NATURE_MIN_SIDE = 36  # smaller pictures do not survive its three strides


def screen_convolutions(
    planes: int, height: int, width: int, layer_norm: bool = False
) -> tuple[nn.Sequential, int]:
    """Return layers from pictures [B, planes, height, width], and how many features come out when
    flattened: those of the Nature DQN, or one layer where a side is under 36 pixels.

    `layer_norm` normalizes what each layer computes of a picture, over its channels and pixels,
    before the ReLU; a channel has one scale and one shift.
    """
    small = min(height, width) < NATURE_MIN_SIDE
    layers = nn.Sequential()
    for convolution in _small_convolution(planes) if small else _nature_convolutions(planes):
        layers.append(convolution)
        if layer_norm:  # one group: a LayerNorm
            layers.append(nn.GroupNorm(1, convolution.out_channels))
        layers.append(nn.ReLU())
    with torch.no_grad():
        features = layers(torch.zeros(1, planes, height, width)).flatten(1).shape[1]
    return layers, int(features)


def _nature_convolutions(planes: int) -> list[nn.Conv2d]:
    """The three layers of Mnih et al. (2015), methods: model architecture."""
    return [
        nn.Conv2d(planes, 32, 8, stride=4),
        nn.Conv2d(32, 64, 4, stride=2),
        nn.Conv2d(64, 64, 3, stride=1),
    ]


def _small_convolution(planes: int) -> list[nn.Conv2d]:
    """The one layer that Young and Tian (2019) use for 10 x 10 pictures."""
    return [nn.Conv2d(planes, 16, 3, padding=1)]
