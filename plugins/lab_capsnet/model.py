"""Build capsule networks (Sabour, Frosst and Hinton, 2017, sections 4 and 4.1).

A convolution, primary capsules, a capsule for each class, and a decoder of the picture. At the
paper's size (28 x 28 x 1, ten classes, `--preset paper`) there are 8,215,568 parameters, 6,804,224
without the decoder.

Shapes: B pictures [B, C, H, W]; I primary capsules of D dimensions; K classes, E dimensions.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

import lab
from lab_capsnet.config import Config
from lab_capsnet.routing import EPSILON, route, squash

SCALE = 0.35  # the standard deviation 0.1 of the authors' code, at 1,152 capsules and 10 classes


class Answer(NamedTuple):
    """What a network says of pictures whose classes it is told.

    logits [B, K]; reconstruction [B, C, H, W] from the capsules of those classes, None without a
    decoder; entropy [], of the routing coefficients, in units of its largest value.
    """

    logits: Tensor
    reconstruction: Tensor | None
    entropy: Tensor


class Capsules(nn.Module):
    """The network. The length of a class's capsule says whether the class is there; its logit is
    the logarithm of that, so that softmax gives lengths over their sum."""

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        channels, _, _ = info.shape
        self.convolution = nn.Conv2d(channels, config.channels, config.kernel)
        self.primary = PrimaryCapsules(config)
        self.grid = positions(config, info)
        number = config.capsule_types * math.prod(self.grid)
        self.classes = ClassCapsules(number, info.outputs, config)
        self.decoder: Any = Decoder(config, info) if config.reconstruction else None

    def forward(self, images: Tensor, chosen: Tensor | None = None) -> Tensor | Answer:
        """Return logits [B, K]; an `Answer` where `chosen` [B, K], ones and zeros, says which
        classes are to be reconstructed."""
        capsules, coefficients = self.capsules(images)
        logits = lengths(capsules).log()
        if chosen is None:
            return logits
        again = None if self.decoder is None else self.decode(capsules, chosen)
        return Answer(logits, again, entropy(coefficients.detach()))

    def capsules(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the capsules of the classes [B, K, E], and the routing coefficients [B, K, I]."""
        routed: tuple[Tensor, Tensor] = self.classes(self.primary(self.convolution(images).relu()))
        return routed

    def decode(self, capsules: Tensor, chosen: Tensor) -> Tensor:
        """Return pictures [B, C, H, W] of capsules [B, K, E], of the classes that `chosen` [B, K]
        says alone."""
        pictures: Tensor = self.decoder(capsules * chosen[:, :, None])
        return pictures

    def reconstruct(self, images: Tensor) -> Tensor:
        """Return pictures [B, C, H, W] from the capsules of the answers."""
        capsules, _ = self.capsules(images)
        return self.decode(capsules, longest(capsules))


class PrimaryCapsules(nn.Module):
    """Feature maps -> capsules [B, D, I]. A capsule takes D channels of its own at one position:
    the channels are D groups of one for each type of capsule, so that no copy is needed."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.dim = config.capsule_dim
        self.convolution = nn.Conv2d(
            config.channels,
            config.capsule_types * config.capsule_dim,
            config.primary_kernel,
            config.primary_stride,
        )

    def forward(self, maps: Tensor) -> Tensor:
        grouped = self.convolution(maps).unflatten(1, (self.dim, -1))  # [B, D, types, H', W']
        return squash(grouped.flatten(2), dim=1)


class ClassCapsules(nn.Module):
    """Capsules [B, D, I] -> those of the classes [B, K, E], by routing, and its coefficients.

    The initial weights let the first sums be of one size, whatever the number of capsules and
    classes: with much larger ones all capsules are saturated, and nothing is learned.
    """

    def __init__(self, number: int, classes: int, config: Config) -> None:
        super().__init__()
        self.routings, self.detach = config.routings, config.detach_routing
        self.weight = nn.Parameter(
            torch.empty(classes, config.capsule_dim, number, config.class_dim)
        )
        nn.init.normal_(self.weight, std=config.init_scale * SCALE * classes / math.sqrt(number))

    def forward(self, capsules: Tensor) -> tuple[Tensor, Tensor]:
        with full_precision(capsules.device.type):
            return route(capsules.float(), self.weight, self.routings, self.detach)


class Decoder(nn.Module):
    """Capsules [B, K, E], all but those of some classes 0 -> pictures [B, C, H, W] in the source's
    units: in [0, 1] where they are bytes."""

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        sizes = [info.outputs * config.class_dim, *config.decoder]
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        layers.append(nn.Linear(sizes[-1], math.prod(info.shape)))
        layers.append(nn.Identity() if info.floats else nn.Sigmoid())
        self.layers = nn.Sequential(*layers)
        self.shape = info.shape

    def forward(self, capsules: Tensor) -> Tensor:
        pictures: Tensor = self.layers(capsules.flatten(1)).view(-1, *self.shape)
        return pictures


def full_precision(device: str) -> AbstractContextManager[Any]:
    """Return a context without autocast: in half precision small agreements would vanish."""
    if not torch.amp.is_autocast_available(device):  # on "meta", say
        return nullcontext()
    return torch.autocast(device, enabled=False)


def lengths(capsules: Tensor) -> Tensor:
    """Return the lengths of capsules [..., E], never 0: their gradient and logarithm are finite."""
    return (capsules.square().sum(-1) + EPSILON).sqrt()


def longest(capsules: Tensor) -> Tensor:
    """Return memberships [B, K]: 1 for the longest capsule of each picture, 0 for the others."""
    answers = lengths(capsules).argmax(1)
    return functional.one_hot(answers, capsules.shape[1]).to(capsules.dtype)


def entropy(coefficients: Tensor) -> Tensor:
    """Return the mean entropy [] of routing coefficients [B, K, I] over the classes, in units of
    its largest value, log K: 1 where routing tells no classes apart."""
    entropies: Tensor = torch.special.entr(coefficients).sum(1)  # [B, I]
    return entropies.mean() / math.log(coefficients.shape[1])


def positions(config: Config, info: lab.DatasetInfo) -> tuple[int, int]:
    """Return the rows and columns of primary capsules. Raises UsageError where a window does not
    fit."""
    _, height, width = info.shape
    maps = [side - config.kernel + 1 for side in (height, width)]
    if min(maps) < config.primary_kernel:
        raise lab.UsageError(
            f"{info.name} has pictures of {height} x {width} pixels: windows of {config.kernel} "
            f"and then {config.primary_kernel} do not fit. Lower --kernel and --primary-kernel"
        )
    rows, columns = ((side - config.primary_kernel) // config.primary_stride + 1 for side in maps)
    return rows, columns


def build(config: Config, info: lab.DatasetInfo) -> Capsules:
    """Return the network for such data, with its initial weights: what `lab model` lists."""
    if info.kind != "image" or info.task != "classify":
        raise lab.UsageError(
            f"A capsule network needs images and their classes; {info.name} is {info.kind} data to "
            f"{info.task}"
        )
    return Capsules(config, info)
