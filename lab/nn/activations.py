"""Name the activations, from the unit step of the perceptron to GELU."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn


class Threshold(nn.Module):
    """The unit step: 1 where x >= 0, else 0 (McCulloch & Pitts, 1943).

    Its derivative is 0 wherever it has one, and that is what flows back: layers before it learn
    nothing, as those before any other saturated unit.
    """

    def forward(self, x: Tensor) -> Tensor:
        # of functions whose derivative torch takes as 0, so that the graph is not cut
        return ((x.sign() + 1) / 2).ceil()


ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "threshold": Threshold,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "relu6": nn.ReLU6,
    "gelu": nn.GELU,
}


def activation(name: str) -> nn.Module:
    """Return a new activation. Raises ValueError for a name that is not among ACTIVATIONS."""
    if name not in ACTIVATIONS:
        raise ValueError(f"no activation {name!r}; there is: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()
