"""Build the two networks for data of any kind."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from lab import DatasetInfo
from lab.nn import ConvDecoder, ConvEncoder
from lab_gan.config import Config
from lab_gan.discriminator import Discriminator
from lab_gan.latent import LatentSpec
from lab_gan.recurrent import RecurrentBody, RecurrentGenerator, WordGenerator

LEAK = 0.2  # of a discriminator's ReLU: its gradient is all that the generator learns from


def generator(config: Config, info: DatasetInfo, codes: LatentSpec) -> nn.Module:
    """Return the network that maps codes [B, width] to examples [B, ...], scaled as by
    `preprocessing.py`."""
    if info.kind == "tokens":
        return WordGenerator(codes.width, info, config.width, config.temperature)
    if info.kind == "sequence":
        return RecurrentGenerator(codes.width, info.shape, config.width)
    end = nn.Tanh() if info.kind == "image" else nn.Identity()
    if config.architecture(info.kind) == "cnn":
        body: nn.Module = ConvDecoder(codes.width, info.shape, width=config.width, norm=config.norm)
        return nn.Sequential(body, end)
    layers = _layers(codes.width, config.hidden, config.norm == "batch", nn.ReLU())
    last = config.hidden[-1] if config.hidden else codes.width
    size = prod(info.shape)
    return nn.Sequential(*layers, nn.Linear(last, size), nn.Unflatten(1, info.shape), end)


def discriminator(config: Config, info: DatasetInfo, codes: LatentSpec) -> Discriminator:
    """Return the network that scores examples, `pack` at a time."""
    extra = codes.classes if config.conditional == "concat" else 0
    body, count = _body(config, info, extra)
    net = Discriminator(body, count, config, info, codes)
    if config.normalizes:
        for module in net.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                spectral_norm(module)
    return net


def _body(config: Config, info: DatasetInfo, extra: int) -> tuple[nn.Module, int]:
    """Return the network from packed examples, with `extra` channels for the class, to features
    [B, count]."""
    pack = config.packing
    if info.kind == "tokens":
        return RecurrentBody(pack * (len(info.vocabulary) + extra), config.width), 2 * config.width
    if info.kind == "sequence":
        return RecurrentBody(pack * (info.shape[1] + extra), config.width), 2 * config.width
    if config.architecture(info.kind) == "cnn":
        channels, *sides = info.shape
        shape = (pack * (channels + extra), *sides)
        encoder = ConvEncoder(shape, 1, width=config.width, activation=leaky)
        return encoder.pyramid, encoder.count  # what follows is the discriminator's own
    inputs = pack * (prod(info.shape) + extra)
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
