"""Denoise images by a U-Net (Ronneberger et al., 2015) of residual blocks that are told the time,
as in Ho et al. (2020, appendix B): GroupNorm, and attention where the image is smallest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import gcd

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, pixel_shuffle, pixel_unshuffle

from lab.sequence.attention import MultiHeadAttention
from lab_diffusion.networks.conditions import Conditions, silent

SMALLEST = 7  # pixels of a side that are not halved any more
GROUPS, HEADS = 8, 4  # at most
FEWEST = 4  # channels in a group: one alone, on one pixel, would be normalized to nothing
WIDEST = 4  # times the channels of the largest level


class UNet(nn.Module):
    """x_t [B, C, H, W] of any size, times [B], classes [B] -> outputs [B, C, H, W].

    Each level halves the sides, rounding up, until none is longer than seven pixels, and has more
    channels: `width`, twice and four times as many, and no more. blocks: on each level, on the way
    down; one more on the way up. patch: pixels of the side of a square that is one place of the
    largest level, with all its values as channels.
    """

    def __init__(
        self, shape: Sequence[int], width: int, blocks: int = 1, classes: int = 0, patch: int = 1
    ) -> None:
        super().__init__()
        self.patch = patch
        shape = (shape[0] * patch**2, *(-(-side // patch) for side in shape[1:]))
        told = 4 * width
        self.conditions = Conditions(told, classes)
        widths = [width * min(2**level, WIDEST) for level in range(_levels(shape))]
        enter = nn.Conv2d(shape[0], width, 3, padding=1)
        self.down = nn.ModuleList([Down(enter, width, blocks, told)])
        for before, after in pairwise(widths):
            halve = nn.Conv2d(before, before, 3, stride=2, padding=1)
            self.down.append(Down(halve, after, blocks, told))
        self.middle = Middle(widths[-1], told)
        entered = [width, *widths[:-1]]  # what each level begins with on the way down
        above = [*widths[1:], widths[-1]]
        self.up = nn.ModuleList(
            Up(inputs, [outputs] * blocks + [first], outputs, told, grows=number > 0)
            for number, (inputs, outputs, first) in enumerate(
                zip(above[::-1], widths[::-1], entered[::-1], strict=True)
            )
        )
        silence = silent(nn.Conv2d(width, shape[0], 3, padding=1))
        self.output = nn.Sequential(_norm(width), nn.SiLU(), silence)

    def forward(self, x: Tensor, time: Tensor, classes: Tensor | None = None) -> Tensor:
        conditions = self.conditions(time, classes)
        height, across = x.shape[2:]
        whole = pad(x, (0, -across % self.patch, 0, -height % self.patch))
        x = pixel_unshuffle(whole, self.patch)
        skips: list[Tensor] = []
        for level in self.down:
            skips += level(x, conditions)
            x = skips[-1]
        x = self.middle(x, conditions)
        for level in self.up:
            x = level(x, skips, conditions)
        return pixel_shuffle(self.output(x), self.patch)[:, :, :height, :across]


class Down(nn.Module):
    """A convolution that enters the level, and residual blocks; returns what each of them gives."""

    def __init__(self, enter: nn.Conv2d, outputs: int, blocks: int, condition: int) -> None:
        super().__init__()
        self.enter = enter
        sizes = pairwise([enter.out_channels, *[outputs] * blocks])
        self.blocks = nn.ModuleList(Residual(a, b, condition) for a, b in sizes)

    def forward(self, x: Tensor, conditions: Tensor) -> list[Tensor]:
        states = [self.enter(x)]
        for block in self.blocks:
            states.append(block(states[-1], conditions))
        return states


class Up(nn.Module):
    """Residual blocks, each of which sees what stood at its place on the way down; `skips` are the
    channels of that. What comes from a smaller level is first doubled, to the exact size."""

    def __init__(
        self, inputs: int, skips: Sequence[int], outputs: int, condition: int, grows: bool
    ) -> None:
        super().__init__()
        self.smooth = nn.Conv2d(inputs, inputs, 3, padding=1) if grows else None
        sizes = zip([inputs, *[outputs] * (len(skips) - 1)], skips, strict=True)
        self.blocks = nn.ModuleList(Residual(a + b, outputs, condition) for a, b in sizes)

    def forward(self, x: Tensor, skips: list[Tensor], conditions: Tensor) -> Tensor:
        if self.smooth is not None:
            height, across = skips[-1].shape[2:]
            x = self.smooth(interpolate(x, scale_factor=2.0)[:, :, :height, :across])
        for block in self.blocks:
            x = block(torch.cat([x, skips.pop()], 1), conditions)
        return x


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
    groups = gcd(GROUPS, channels, max(1, channels // FEWEST))
    return nn.GroupNorm(groups, channels)
