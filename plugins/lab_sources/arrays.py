"""Join the parts of a data set that come as arrays, and number their classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lab_sources.sdf import Array


@dataclass(frozen=True)
class Joined:
    """Inputs and targets of all parts, one after the other. test, eval: bool [N], which examples
    are those of a part; None where there is none."""

    inputs: Array
    targets: Array | None
    test: Array | None
    eval: Array | None


def joined(parts: Mapping[str, tuple[Array, Array | None]]) -> Joined:
    """Join inputs and targets by part: "train", and perhaps "eval" and "test"."""
    names = np.repeat(list(parts), [len(inputs) for inputs, _ in parts.values()])
    targets = [part for _, part in parts.values() if part is not None]
    return Joined(
        np.concatenate([inputs for inputs, _ in parts.values()]),
        np.concatenate(targets) if targets else None,
        *(names == part if part in parts else None for part in ("test", "eval")),
    )


def numbered(labels: Array) -> tuple[Array, tuple[str, ...]]:
    """Return class numbers of the shape of `labels`, and the names of the classes that occur, in
    order."""
    values, numbers = np.unique(labels, return_inverse=True)
    return numbers.reshape(labels.shape), tuple(map(str, values.tolist()))
