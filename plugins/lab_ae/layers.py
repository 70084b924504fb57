"""Build encoders and decoders: layers of units or convolutions, and tied mirror images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from lab.nn import ConvDecoder, ConvEncoder, activation
from lab_ae.config import Config


def make_encoder(config: Config, shape: Sequence[int], outputs: int, labels: int) -> nn.Module:
    """Return inputs [B, ...] -> outputs [B, outputs]. With labels, inputs come as `with_classes`
    makes them."""
    if config.arch == "cnn":
        channels, height, width = shape
        return ConvEncoder(
            (channels + labels, height, width),
            outputs,
            width=config.width,
            norm="batch" if config.norm else "none",
            activation=config.activation,
        )
    return nn.Sequential(
        nn.Flatten(), *_layers(config, (prod(shape) + labels, *config.hidden, outputs))
    )


def make_decoder(config: Config, shape: Sequence[int], inputs: int) -> nn.Module:
    """Return inputs [B, inputs] -> outputs [B, ...]."""
    if config.arch == "cnn":
        return ConvDecoder(
            inputs,
            shape,
            width=config.width,
            norm="batch" if config.norm else "none",
            activation=config.activation,
        )
    widths = (inputs, *reversed(config.hidden), prod(shape))
    return nn.Sequential(*_layers(config, widths), nn.Unflatten(1, tuple(shape)))


class TiedDecoder(nn.Module):
    """The mirror image of an encoder's layers, with their weights transposed and biases of its own.

    codes [B, Z] -> outputs [B, ...]. The weights stay the encoder's parameters: counted, trained
    and written once.
    """

    def __init__(self, config: Config, encoder: nn.Module, shape: Sequence[int]) -> None:
        super().__init__()
        mirrored = [m for m in encoder.modules() if isinstance(m, nn.Linear)][::-1]
        self._layers = tuple(mirrored)  # a tuple: no submodules
        self.biases = nn.ParameterList(torch.zeros(layer.in_features) for layer in mirrored)
        self.between = nn.ModuleList(
            nn.Sequential(*_between(config, layer.in_features)) for layer in mirrored[:-1]
        )
        self.shape = tuple(shape)

    def forward(self, code: Tensor) -> Tensor:
        for number, layer in enumerate(self._layers):
            code = linear(code, layer.weight.T, self.biases[number])
            if number < len(self.between):
                code = self.between[number](code)
        return code.view(-1, *self.shape)


def first_filters(encoder: nn.Module) -> Tensor | None:
    """Return the weights [H, D] by which units of the first layer see all of the input, if they
    do."""
    first = next((m for m in encoder.modules() if isinstance(m, nn.Linear | nn.Conv2d)), None)
    return first.weight.detach() if isinstance(first, nn.Linear) else None


def _layers(config: Config, widths: Sequence[int]) -> Iterator[nn.Module]:
    last = len(widths) - 1
    for number, (before, after) in enumerate(pairwise(widths), start=1):
        yield nn.Linear(before, after)
        if number < last:
            yield from _between(config, after)


def _between(config: Config, units: int) -> Iterator[nn.Module]:
    if config.norm:
        yield nn.BatchNorm1d(units)
    yield activation(config.activation)
