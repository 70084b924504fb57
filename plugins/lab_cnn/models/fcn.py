"""Fully convolutional networks for segmentation (Long, Shelhamer and Darrell, 2015).

FCN-32s, 16s and 8s stand here on any backbone: 1 x 1 layers score its last feature maps, and
transposed convolutions bring the scores back to the size of the image. Where the small stem is
used the strides are smaller than in the names, and the upsampling with them. `DilatedFCN` is the
later form that keeps a ResNet at stride 8; its parameters are named as in the published weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch.nn.init import zeros_

from lab_cnn.models.classifier import Classifier, Map

SKIPS = {"fcn32s": 0, "fcn16s": 1, "fcn8s": 2}


class FCN(nn.Module):
    """Map images [B, C, H, W] to logits [B, classes, H, W].

    It takes over the backbone and forgets its head. Scores of the last map are upsampled and added
    to those of `skips` finer maps in turn (figure 3). All scores start at zero (section 4.3), so
    each finer map joins without disturbing the scores of the coarser ones.
    """

    def __init__(self, backbone: Classifier, classes: int, skips: int) -> None:
        super().__init__()
        backbone.drop_head()
        self.backbone = backbone
        self.taken = coarse_to_fine(backbone.maps, 1 + skips)
        maps = [backbone.maps[index] for index in self.taken]
        self.scores = nn.ModuleList(_score(each.channels, classes) for each in maps)
        self.upsamplings = nn.ModuleList(
            Upsampling(classes, coarse.stride // fine.stride) for coarse, fine in pairwise(maps)
        )
        self.last = Upsampling(classes, maps[-1].stride)
        self.last.requires_grad_(False)  # section 4.3: the last one stays bilinear

    def forward(self, images: Tensor) -> Tensor:
        features = self.backbone.feature_maps(images)
        maps = [features[index] for index in self.taken]
        x: Tensor = self.scores[0](maps[0])  # [B, classes, H / stride, W / stride]
        for upsample, score, finer in zip(self.upsamplings, self.scores[1:], maps[1:], strict=True):
            skip = score(finer)
            x = fitted(upsample(x), skip.shape[2:]) + skip
        return fitted(self.last(x), images.shape[2:])


def coarse_to_fine(maps: Sequence[Map], count: int) -> list[int]:
    """Return the places of the `count` coarsest maps; among equal strides, the deepest."""
    deepest = {each.stride: index for index, each in enumerate(maps)}
    if len(deepest) < count:
        raise ValueError(
            f"This FCN reads {count} feature maps of different strides; "
            f"the backbone has {len(deepest)}."
        )
    return sorted(deepest.values(), reverse=True)[:count]


def fitted(x: Tensor, size: Sequence[int]) -> Tensor:
    """Return `x` [B, C, h, w] with exactly `size`, which it misses by a little at odd sizes.

    Strides round up or down. Too much is cut off behind; too little (also where convolutions
    without padding ate the border, on all sides alike) is stretched.
    """
    x = x[:, :, : size[0], : size[1]]
    if tuple(x.shape[2:]) == tuple(size):
        return x
    return interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


class Upsampling(nn.ConvTranspose2d):
    """Enlarge each class's scores by a factor, at the start by bilinear interpolation.

    Kernel, stride and padding of 4, 2, 1 or 64, 32, 16 give exactly 2 or 32 times the size. Each
    class has its own window and none sees another's: 64 x 64 windows between all pairs of classes
    would outweigh the backbone without a gain.
    """

    def __init__(self, classes: int, factor: int) -> None:
        kernel, padding = (2 * factor, factor // 2) if factor > 1 else (1, 0)
        super().__init__(
            classes, classes, kernel, factor, padding, groups=classes, bias=False
        )  # weight [classes, 1, kernel, kernel]
        with torch.no_grad():
            self.weight.copy_(bilinear(kernel).expand_as(self.weight))


def bilinear(kernel: int) -> Tensor:
    """Return the window [kernel, kernel] that interpolates linearly along both sides."""
    if kernel == 1:
        return torch.ones(1, 1)
    center = (kernel - 1) / 2
    line = 1 - (torch.arange(kernel) - center).abs() / (kernel / 2)
    return line[:, None] * line[None, :]


def _score(channels: int, classes: int) -> nn.Conv2d:
    layer = nn.Conv2d(channels, classes, 1)
    zeros_(layer.weight)
    assert layer.bias is not None
    zeros_(layer.bias)
    return layer


class WithAuxScores(NamedTuple):
    """What `DilatedFCN` returns in training: two predictions [B, classes, H, W]."""

    logits: Tensor
    aux: Tensor


class DilatedFCN(nn.Module):
    """A ResNet kept at a fine stride, one scoring head, and interpolation to the image's size.

    Where dilation takes the place of the last two strides (Yu et al., 2017), no skip is needed. The
    auxiliary head reads the third stage (Zhao et al., 2017, section 3.3), in training only.
    """

    def __init__(self, backbone: Classifier, classes: int, aux: bool) -> None:
        super().__init__()
        backbone.drop_head()
        self.backbone = backbone
        third, last = backbone.maps[-2:]
        self.classifier = scoring_head(last.channels, classes)
        self.aux_classifier = scoring_head(third.channels, classes) if aux else None

    def forward(self, images: Tensor) -> Tensor | WithAuxScores:
        third, last = self.backbone.feature_maps(images)[-2:]
        logits = _resized(self.classifier(last), images)
        if self.training and self.aux_classifier is not None:
            return WithAuxScores(logits, _resized(self.aux_classifier(third), images))
        return logits


def scoring_head(inputs: int, classes: int) -> nn.Sequential:
    """Return a 3 x 3 layer on a quarter of the channels and 1 x 1 scores, begun as torch does."""
    inner = inputs // 4
    return nn.Sequential(
        nn.Conv2d(inputs, inner, 3, padding=1, bias=False),
        nn.BatchNorm2d(inner),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Conv2d(inner, classes, 1),
    )


def _resized(scores: Tensor, images: Tensor) -> Tensor:
    return interpolate(scores, size=images.shape[2:], mode="bilinear", align_corners=False)
