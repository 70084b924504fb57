"""Name the activations, from the unit step of the perceptron to GELU.

Nothing heavy is imported: the names are an option's choices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from lab.spec import import_object

if TYPE_CHECKING:
    from torch import nn


class Activation(NamedTuple):
    """A module by reference, and the gain by which initial weights before it are scaled."""

    reference: str
    gain: float


ACTIVATIONS: Mapping[str, Activation] = {
    "threshold": Activation("lab.nn.threshold:Threshold", 1.0),
    "sigmoid": Activation("torch.nn:Sigmoid", 1.0),
    "tanh": Activation("torch.nn:Tanh", 5 / 3),
    "relu": Activation("torch.nn:ReLU", math.sqrt(2)),
    "leaky-relu": Activation("torch.nn:LeakyReLU", math.sqrt(2 / (1 + 0.01**2))),
    "relu6": Activation("torch.nn:ReLU6", math.sqrt(2)),
    "gelu": Activation("torch.nn:GELU", math.sqrt(2)),
}


def activation(name: str) -> nn.Module:
    """Return a new activation. Raises ValueError for a name that is not among ACTIVATIONS."""
    if name not in ACTIVATIONS:
        raise ValueError(f"no activation {name!r}; there is: {', '.join(ACTIVATIONS)}")
    made: nn.Module = import_object(ACTIVATIONS[name].reference)()
    return made
