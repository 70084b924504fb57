"""Measure how far sequences are from what they should be: word, character or phoneme error rate."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from lab.statistics import bounds, wilson


def edit_distance(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """Return the fewest insertions, deletions and substitutions that make b of a (Levenshtein,
    1966). A text is a sequence of characters. O(len(a) len(b)), a row of the table at a time."""
    short, long = sorted((a, b), key=len)
    ids: dict[Hashable, int] = {}
    across = np.array([ids.setdefault(item, len(ids)) for item in long])
    steps = np.arange(len(long) + 1)
    row = steps
    for number, item in enumerate(short, 1):
        replaced = row[:-1] + (across != ids.get(item, -1))
        best = np.concatenate([[number], np.minimum(replaced, row[1:] + 1)])
        row = np.minimum.accumulate(best - steps) + steps  # and whatever is inserted after it
    return int(row[-1])


class ErrorRate:
    """Edits over the length of all references together, and the fraction of sequences without one.

    name: of the metric, `wer`, say. What a sequence is made of, the caller decides: `text.split()`
    gives words, a text its characters, a list phonemes or ids. The rate may be above 1. It has no
    interval: edits of one sequence are no independent trials.
    """

    def __init__(self, name: str = "error_rate") -> None:
        self.name, self._edits, self._length, self._exact, self._n = name, 0, 0, 0, 0

    def add(
        self, hypotheses: Sequence[Sequence[Hashable]], references: Sequence[Sequence[Hashable]]
    ) -> None:
        """Add B sequences and what they should be. Raises ValueError where there are not as many of
        each."""
        for hypothesis, reference in zip(hypotheses, references, strict=True):
            edits = edit_distance(hypothesis, reference)
            self._edits += edits
            self._length += len(reference)
            self._exact += edits == 0
            self._n += 1

    def compute(self, split: str = "eval") -> dict[str, float]:
        """Return the rate and `exact_match`, on "test" with Wilson's interval and n, the number of
        sequences. Raises ValueError where no reference has anything in it."""
        if not self._length:
            raise ValueError("no reference holds anything: an error rate divides by their length")
        exact = self._exact / self._n
        metrics = {self.name: self._edits / self._length, "exact_match": exact}
        if split == "test":
            metrics |= {**bounds("exact_match", wilson(exact, self._n)), "n": self._n}
        return metrics
