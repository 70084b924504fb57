"""Denoise points, rows of a table, or anything as a flat vector."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from lab_diffusion.networks.conditions import Conditions, silent

CONDITION = 64  # numbers that say the time and the class


class MLP(nn.Module):
    """x_t [B, ...] of a shape, times [B], classes [B] -> outputs [B, ...].

    frequencies: beside each input, as many sines and cosines of it, the first of period 2 pi and
    each twice as fast as the one before; without them narrow modes are learned slowly (Tancik et
    al., 2020). Each hidden layer is told the conditions; one that keeps the width adds to its
    inputs (He et al., 2016).
    """

    def __init__(
        self,
        shape: Sequence[int],
        hidden: Sequence[int],
        classes: int = 0,
        frequencies: int = 0,
    ) -> None:
        super().__init__()
        self.frequencies = frequencies
        self.conditions = Conditions(CONDITION, classes)
        inputs = prod(shape) * (1 + 2 * frequencies)
        sizes = list(pairwise((inputs, *hidden)))
        self.layers = nn.ModuleList(nn.Linear(before, after) for before, after in sizes)
        self.told = nn.ModuleList(nn.Linear(CONDITION, after) for _, after in sizes)
        self.activation = nn.SiLU()
        self.output = silent(nn.Linear(hidden[-1], prod(shape)))

    def forward(self, x: Tensor, time: Tensor, classes: Tensor | None = None) -> Tensor:
        conditions = self.activation(self.conditions(time, classes))
        h = self.features(x.flatten(1))
        for layer, told in zip(self.layers, self.told, strict=True):
            new = self.activation(layer(h) + told(conditions))
            h = h + new if new.shape == h.shape else new
        outputs: Tensor = self.output(h)
        return outputs.view_as(x)

    def features(self, x: Tensor) -> Tensor:
        """Return inputs [B, D] with their sines and cosines [B, D (1 + 2 frequencies)]."""
        powers = torch.arange(self.frequencies, device=x.device)
        angles = (x[:, :, None] * 2.0**powers).flatten(1)
        return torch.cat([x, angles.sin(), angles.cos()], 1)
