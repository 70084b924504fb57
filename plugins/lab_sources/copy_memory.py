"""Draw the copying problem: symbols are to be written again after a long pause."""

from __future__ import annotations

import numpy as np

import lab

SYMBOLS = tuple("abcdefgh")
BLANK, RECALL = "-", "?"


def copy_memory(n: int, length: int, blanks: int, seed: int) -> lab.Dataset:
    """Return tokens int [n, blanks + 2 length], and a class for each step.

    First come `length` symbols of eight, then blanks, of which the last is the sign to recall, then
    blanks again, during which the symbols are due in their order; before that, blanks are due
    (Hochreiter and Schmidhuber, 1997, section 5.1; as in Arjovsky, Shah and Bengio, 2016, section
    5.1). What remembers nothing has a cross-entropy of length ln 8 / (blanks + 2 length) at best.
    """
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(SYMBOLS), (n, length))
    words = ("", *SYMBOLS, BLANK, RECALL)
    tokens = np.full((n, blanks + 2 * length), words.index(BLANK))
    tokens[:, :length] = 1 + drawn
    tokens[:, length + blanks - 1] = words.index(RECALL)
    due = np.zeros(tokens.shape, int)
    due[:, -length:] = 1 + drawn
    return lab.Dataset(tokens, due, (BLANK, *SYMBOLS), vocabulary=words)
