"""Draw initial weights by a named rule, scaled for the activation that follows.

Everything is drawn from torch's global generator, which the runner seeds. Nothing heavy is imported
before that: the names are an option's choices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from lab.nn.activations import ACTIVATIONS

if TYPE_CHECKING:
    from torch import Tensor, nn

NORMAL_STD = 0.02


def initialize(module: nn.Module, init: str = "he", activation: str = "relu") -> None:
    """Draw the weights of every linear, convolution and transposed convolution, in place; biases
    become 0.

    g is the gain of the activation, n_in and n_out are `fans`.
    xavier: uniform, variance g^2 2 / (n_in + n_out) (Glorot & Bengio, 2010, equation 16).
    he: normal, variance g^2 / n_in (He et al., 2015, equation 10).
    orthogonal: orthonormal rows or columns times g (Saxe et al., 2014).
    normal: standard deviation 0.02 whatever the layer (Radford et al., 2016, section 3).
    default: nothing is touched. Raises ValueError for another name.
    """
    if init == "default":
        return
    for name, choices in ((init, INITIALIZERS), (activation, ACTIVATIONS)):
        if name not in choices:
            raise ValueError(f"no {name!r} here; there is: {', '.join(choices)}")
    init_weight = INITIALIZERS[init]
    assert init_weight is not None
    import torch

    with torch.no_grad():
        for layer in module.modules():
            if isinstance(layer, layers()):
                init_weight(layer.weight, *fans(layer), ACTIVATIONS[activation].gain)
                if layer.bias is not None:
                    layer.bias.zero_()


def transposed() -> tuple[Any, ...]:
    from torch import nn

    return nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d


def layers() -> tuple[Any, ...]:
    """Return the classes whose weights are drawn."""
    from torch import nn

    return nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *transposed()


def fans(layer: Any) -> tuple[float, float]:
    """Return how many inputs reach an output, and how many outputs an input reaches.

    A transposed convolution of stride s spreads its kernel over s times as many places, so an
    output meets 1/s of it on each axis. A convolution counts as in the papers, without its stride.
    """
    if hasattr(layer, "in_features"):  # linear
        return layer.in_features, layer.out_features
    field = math.prod(layer.kernel_size) / layer.groups
    shared = math.prod(layer.stride) if isinstance(layer, transposed()) else 1
    return layer.in_channels * field / shared, layer.out_channels * field


def _xavier(weight: Tensor, fan_in: float, fan_out: float, gain: float) -> None:
    bound = gain * math.sqrt(6 / (fan_in + fan_out))
    weight.uniform_(-bound, bound)


def _he(weight: Tensor, fan_in: float, fan_out: float, gain: float) -> None:
    weight.normal_(0.0, gain / math.sqrt(fan_in))


def _orthogonal(weight: Tensor, fan_in: float, fan_out: float, gain: float) -> None:
    from torch.nn import init

    init.orthogonal_(weight, gain)


def _normal(weight: Tensor, fan_in: float, fan_out: float, gain: float) -> None:
    weight.normal_(0.0, NORMAL_STD)


INITIALIZERS: Mapping[str, Callable[[Tensor, float, float, float], None] | None] = {
    "default": None,  # torch's own stay
    "xavier": _xavier,
    "he": _he,
    "orthogonal": _orthogonal,
    "normal": _normal,
}
