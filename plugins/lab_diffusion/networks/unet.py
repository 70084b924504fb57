"""Denoise images by a U-Net (Ronneberger et al., 2015) of residual blocks that are told the time,
as in Ho et al. (2020, appendix B): GroupNorm, and attention where the image is smallest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import gcd
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from lab.sequence.attention import MultiHeadAttention
from lab_diffusion.networks.conditions import Conditions, silent

SMALLEST = 7  # pixels of a side that are not halved any more
GROUPS, HEADS = 8, 4  # at most
WIDEST = 4  # times the channels of the largest level


class UNet(nn.Module):
    """x_t [B, C, H, W] of any size, times [B], classes [B] -> outputs [B, C, H, W].

    Each level halves the sides, rounding up, until none is longer than seven pixels, and has more
    channels: `width`, twice and four times as many, and no more. blocks: on each level, on the way
    down; one more on the way up.
    """

    def __init__(self, shape: Sequence[int], width: int, blocks: int = 1, classes: int = 0) -> None:
        super().__init__()
        condition = 4 * width
        self.conditions = Conditions(condition, classes)
        widths = [width * min(2**level, WIDEST) for level in range(_levels(shape))]
        self.input = nn.Conv2d(shape[0], width, 3, padding=1)
        self.down, self.halve = nn.ModuleList(), nn.ModuleList()
        skips = [width]
        for before, after in pairwise((width, *widths)):
            if self.down:
                self.halve.append(nn.Conv2d(before, before, 3, stride=2, padding=1))
                skips.append(before)
            level = [Residual(n, after, condition) for n in (before, *[after] * (blocks - 1))]
            self.down.append(nn.ModuleList(level))
            skips += [after] * blocks
        self.middle = Middle(widths[-1], condition)
        self.up, self.double = nn.ModuleList(), nn.ModuleList()
        now = widths[-1]
        for after in reversed(widths):
            if self.up:
                self.double.append(nn.Conv2d(now, now, 3, padding=1))
            level = []
            for _ in range(blocks + 1):
                level.append(Residual(now + skips.pop(), after, condition))
                now = after
            self.up.append(nn.ModuleList(level))
        self.output = nn.Sequential(
            _norm(width), nn.SiLU(), silent(nn.Conv2d(width, shape[0], 3, padding=1))
        )

    def forward(self, x: Tensor, time: Tensor, classes: Tensor | None = None) -> Tensor:
        conditions = self.conditions(time, classes)
        x = self.input(x)
        skips = [x]
        for number, level in enumerate(self.down):
            if number:
                x = self.halve[number - 1](x)
                skips.append(x)
            for block in cast("nn.ModuleList", level):
                x = block(x, conditions)
                skips.append(x)
        x = self.middle(x, conditions)
        for number, level in enumerate(self.up):
            if number:
                height, across = skips[-1].shape[2:]
                twice = interpolate(x, scale_factor=2.0)[:, :, :height, :across]
                x = self.double[number - 1](twice)
            for block in cast("nn.ModuleList", level):
                x = block(torch.cat([x, skips.pop()], 1), conditions)
        outputs: Tensor = self.output(x)
        return outputs


class Middle(nn.Module):
    """Two blocks with attention of all pixels to each other between them."""

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.before = Residual(width, width, condition)
        self.norm = _norm(width)
        self.attention = MultiHeadAttention(width, gcd(HEADS, width))
        self.after = Residual(width, width, condition)

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        x = self.before(x, conditions)
        pixels = self.norm(x).flatten(2).transpose(1, 2)  # [B, H W, C]
        x = x + self.attention(pixels).transpose(1, 2).reshape(x.shape)
        outputs: Tensor = self.after(x, conditions)
        return outputs


class Residual(nn.Module):
    """Two convolutions, each behind a norm; conditions scale and shift what is between them
    (Dhariwal and Nichol, 2021, section 3). At first it passes on what it gets."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            _norm(inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1)
        )
        self.told = nn.Sequential(nn.SiLU(), nn.Linear(condition, 2 * outputs))
        self.norm = _norm(outputs)
        self.second = nn.Sequential(nn.SiLU(), silent(nn.Conv2d(outputs, outputs, 3, padding=1)))
        same = inputs == outputs
        self.skip = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, conditions: Tensor) -> Tensor:
        scale, shift = self.told(conditions)[:, :, None, None].chunk(2, 1)
        h = self.norm(self.first(x)) * (1 + scale) + shift
        outputs: Tensor = self.skip(x) + self.second(h)
        return outputs


def _levels(shape: Sequence[int]) -> int:
    side, levels = max(shape[1:]), 1
    while side > SMALLEST:
        side, levels = -(-side // 2), levels + 1
    return levels


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(gcd(GROUPS, channels), channels)
