"""Draw the adding problem: two numbers of a long sequence are to be added."""

from __future__ import annotations

import numpy as np

import lab


def adding(n: int, steps: int, seed: int) -> lab.Dataset:
    """Return sequences float [n, steps, 2] of values and marks, and sums [n, 1].

    Values are even in 0..1; two are marked by 1, one in each half of the sequence, the others by 0
    (Hochreiter and Schmidhuber, 1997, section 5.4, whose values lie in -1..1; as here in Le, Jaitly
    and Hinton, 2015, section 4.1). Always to say 1, the mean, errs by 1/6 in the mean square.
    factors: places [n, 2], the steps that are marked.
    """
    rng = np.random.default_rng(seed)
    values = rng.random((n, steps))
    half = steps // 2
    places = np.stack([rng.integers(0, half, n), rng.integers(half, steps, n)], axis=1)
    marks = np.zeros((n, steps))
    np.put_along_axis(marks, places, 1, axis=1)
    sums = np.take_along_axis(values, places, axis=1).sum(axis=1, keepdims=True)
    return lab.Dataset(
        np.stack([values, marks], axis=2).astype(np.float32),
        sums.astype(np.float32),
        factors={"places": places},
        features=("value", "mark"),
    )
