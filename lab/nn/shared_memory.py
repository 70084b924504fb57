"""Compute in NumPy with parameters that torch learns: for a few rows, what it dispatches takes
longer than their products."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def shared(layer: Any) -> tuple[Array, Array]:
    """Return a linear layer's weight [in, out], or a norm's [H], and its bias, without a copy: they
    change as it learns."""
    return layer.weight.detach().numpy().T, layer.bias.detach().numpy()
