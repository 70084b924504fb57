"""Initialize weights as in the papers; all others are initialized by torch."""

from __future__ import annotations

from typing import Literal

from torch import nn
from torch.nn.init import kaiming_normal_, normal_, zeros_

Layers = type[nn.Conv2d] | type[nn.Linear]


def he(net: nn.Module, kind: Layers, mode: Literal["fan_in", "fan_out"]) -> None:
    """Draw all layers of a kind so that ReLUs keep the variance (He et al., 2015, section 2.2).

    It is kept on the way forward by "fan_in", on the way back by "fan_out". Biases start at 0.
    """
    for layer in net.modules():
        if isinstance(layer, kind):
            kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
            if layer.bias is not None:
                zeros_(layer.bias)


def gaussian(net: nn.Module, kind: Layers, std: float) -> None:
    """Draw all layers of a kind from a normal distribution around 0. Biases start at 0."""
    for layer in net.modules():
        if isinstance(layer, kind):
            normal_(layer.weight, std=std)
            if layer.bias is not None:
                zeros_(layer.bias)
