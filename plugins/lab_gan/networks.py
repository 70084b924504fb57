"""Build the two players for data of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from lab import DatasetInfo
from lab.nn import ConvDecoder, ConvEncoder
from lab_gan.codes import LatentSpec
from lab_gan.config import Config
from lab_gan.discriminator import Discriminator
from lab_gan.recurrent import RecurrentBody, RecurrentGenerator, WordGenerator

LEAK = 0.2  # of a discriminator's ReLU: its slope is all that the generator learns from


def generator(config: Config, about: DatasetInfo, codes: LatentSpec) -> nn.Module:
    """Return what makes examples [B, ...], in the units of `examples.py`, of codes [B, width]."""
    if about.kind == "tokens":
        return WordGenerator(codes.width, about, config.width, config.temperature)
    if about.kind == "sequence":
        return RecurrentGenerator(codes.width, about.shape, config.width)
    end = nn.Tanh() if about.kind == "image" else nn.Identity()
    if config.architecture(about.kind) == "cnn":
        body: nn.Module = ConvDecoder(
            codes.width, about.shape, width=config.width, norm=config.norm
        )
        return nn.Sequential(body, end)
    layers = _layers(codes.width, config.hidden, config.norm == "batch", nn.ReLU())
    last = config.hidden[-1] if config.hidden else codes.width
    size = prod(about.shape)
    return nn.Sequential(*layers, nn.Linear(last, size), nn.Unflatten(1, about.shape), end)


def discriminator(config: Config, about: DatasetInfo, codes: LatentSpec) -> Discriminator:
    """Return what judges examples, `pack` at a time."""
    extra = codes.classes if config.conditional == "concat" else 0
    body, count = _body(config, about, extra)
    net = Discriminator(body, count, config, about, codes)
    if config.normalizes:
        for module in net.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                spectral_norm(module)
    return net


def _body(config: Config, about: DatasetInfo, extra: int) -> tuple[nn.Module, int]:
    """Return what turns packed examples, with `extra` channels that say the class, into features
    [B, count]."""
    pack = config.packing
    if about.kind == "tokens":
        return RecurrentBody(pack * (len(about.vocabulary) + extra), config.width), 2 * config.width
    if about.kind == "sequence":
        return RecurrentBody(pack * (about.shape[1] + extra), config.width), 2 * config.width
    if config.architecture(about.kind) == "cnn":
        channels, *sides = about.shape
        shape = (pack * (channels + extra), *sides)
        found = ConvEncoder(shape, 1, width=config.width, activation=leaky)
        return found.pyramid, found.count  # what follows is the discriminator's own
    inputs = pack * (prod(about.shape) + extra)
    body = nn.Sequential(*_layers(inputs, config.hidden, False, leaky()))
    return body, config.hidden[-1] if config.hidden else inputs


def leaky() -> nn.Module:
    return nn.LeakyReLU(LEAK)


def _layers(
    inputs: int, hidden: tuple[int, ...], norm: bool, activation: nn.Module
) -> Iterator[nn.Module]:
    for before, after in pairwise((inputs, *hidden)):
        yield nn.Linear(before, after)
        if norm:
            yield nn.BatchNorm1d(after)
        yield activation
