"""Draw some of what a source holds, each once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

import lab

T = TypeVar("T")


def drawn(everything: Sequence[T], n: int, seed: int, source: str) -> Sequence[T]:
    """Return `n` of them in random order, or for n = 0 all as they stand. Raises UsageError, which
    names the source, where there are no n."""
    if n > len(everything):
        raise lab.UsageError(f"{source}: n={n}, but there are {len(everything):,}")
    if not n:
        return everything
    order = np.random.default_rng(seed).permutation(len(everything))
    return [everything[row] for row in order[:n]]
