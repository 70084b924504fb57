"""Draw strings of letters that are to be written backwards, or again."""

from __future__ import annotations

import string

import numpy as np

import lab


def reverse(
    n: int, shortest: int, longest: int, symbols: int, order: str, seed: int
) -> lab.Dataset:
    """Return letters int [n, longest], and the same letters int [n, longest + 1] in the other order
    (`order` reverse) or in the same (`copy`).

    Lengths and letters are even in their ranges. factors: length [n].
    Raises UsageError where the shortest is longer than the longest.
    """
    if shortest > longest:
        raise lab.UsageError(f"reverse: shortest={shortest} is more than longest={longest}")
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest + 1, n)[:, None]
    steps = np.arange(longest)
    there = steps < lengths
    tokens = np.where(there, rng.integers(1, symbols + 1, (n, longest)), 0)
    targets = np.zeros((n, longest + 1), np.int64)
    if order == "reverse":
        places = np.where(there, lengths - 1 - steps, steps)
        targets[:, :-1] = np.take_along_axis(tokens, places, axis=1)
    else:
        targets[:, :-1] = tokens
    words = ("", *string.ascii_lowercase[:symbols])
    return lab.Dataset(
        tokens,
        targets,
        factors={"length": lengths[:, 0]},
        vocabulary=words,
        target_vocabulary=words,
    )
