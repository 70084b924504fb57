"""Predict the next token by counts: an n-gram model with modified Kneser-Ney smoothing.

Chen & Goodman, "An empirical study of smoothing techniques for language modeling" (1999), section
3: interpolated, three discounts an order, counts of distinct predecessors below the highest order
(section 2.7), and below the unigrams the uniform distribution.

An n-gram is a row of a table sorted by (its beginning, its last token), so that the n-grams of a
whole text are looked up at once by bisection.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
ABSENT = -1  # the number of an n-gram that training did not show
LARGEST = 3  # counts from here on have one discount


@dataclass(frozen=True)
class _Order:
    """The n-grams of one order, sorted: n-gram i is the i-th.

    keys [N]: the number of the first n - 1 tokens times V plus the last token. kept [N]: the
    discounted counts over the total of their beginning. left [M]: of each of the M beginnings, what
    its discounts free for the order below: 1 where nothing follows it.
    """

    keys: Ints
    kept: Floats
    left: Floats


@dataclass(frozen=True)
class NGram:
    """Probabilities of the next token, after up to order - 1 tokens. Made by `fit`."""

    order: int
    vocab_size: int
    _orders: tuple[_Order, ...]

    @classmethod
    def fit(cls, sequences: ArrayLike | Sequence[ArrayLike], order: int, vocab_size: int) -> NGram:
        """Count the n-grams of one sequence [T] of token ids, or of several: none goes across.

        What begins a sequence has no predecessor and counts as often as it occurs, so that a `bos`
        may stand there. Raises ValueError where there is no token, or one is not below vocab_size.
        """
        text = _Text.of(sequences, vocab_size)
        if order < 1:
            raise ValueError(f"an order is 1 or more, not {order}")
        counted = _count(text, order, vocab_size)
        sizes = (1, *(len(keys) for keys, _ in counted))
        orders = [
            _smoothed(keys, counts, vocab_size, beginnings)
            for (keys, counts), beginnings in zip(counted, sizes, strict=False)
        ]
        return cls(order, vocab_size, tuple(orders))

    def log_probabilities(self, sequences: ArrayLike | Sequence[ArrayLike]) -> Floats:
        """Return the log-probability in nats of each token [N] after those before it in its
        sequence, sequences one after another. Raises ValueError as `fit` does."""
        text = _Text.of(sequences, self.vocab_size)
        return np.log(self._probabilities(text.tokens, text.starts))

    def bits_per_token(self, sequences: ArrayLike | Sequence[ArrayLike]) -> float:
        """Return the mean of -log2 of the probabilities of all tokens; see `log_probabilities`."""
        return float(-self.log_probabilities(sequences).mean() / math.log(2))

    def distribution(self, context: ArrayLike) -> Floats:
        """Return the probabilities [V] of what follows `context`, token ids [T], perhaps none."""
        recent = np.asarray(context, np.int64).reshape(-1)
        recent = recent[max(len(recent) - self.order + 1, 0) :]
        length = len(recent) + 1
        rows = np.empty((self.vocab_size, length), np.int64)
        rows[:, :-1], rows[:, -1] = recent, np.arange(self.vocab_size)
        starts = np.arange(rows.size) // length * length
        return self._probabilities(rows.reshape(-1), starts)[length - 1 :: length]

    def _probabilities(self, tokens: Ints, starts: Ints) -> Floats:
        """Return the probability of each token [N] in the sequence that begins at `starts` [N]."""
        place = np.arange(len(tokens))
        found = np.full(len(tokens), 1 / self.vocab_size)
        numbers = np.zeros(len(tokens), np.int64)  # of the n - 1 tokens from here on: at first none
        for n, table in enumerate(self._orders, 1):
            last = place[n - 1 :]  # the last token of each n-gram
            beginnings = numbers[: len(last)]
            known = (starts[last] <= last - n + 1) & (beginnings != ABSENT)
            keys = np.where(known, beginnings * self.vocab_size + tokens[last], ABSENT)
            numbers = _looked_up(table.keys, keys)
            kept = np.where(numbers != ABSENT, table.kept[numbers], 0.0)
            mixed = kept + table.left[beginnings] * found[last]
            found[last] = np.where(known, mixed, found[last])
        return found


@dataclass(frozen=True)
class _Text:
    """Tokens of all sequences [N], and where the sequence of each begins [N]."""

    tokens: Ints
    starts: Ints

    @classmethod
    def of(cls, sequences: Any, vocab_size: int) -> _Text:
        arrays = [np.asarray(part).reshape(-1) for part in _parts(sequences)]
        parts = [array for array in arrays if len(array)]
        if not parts:
            raise ValueError("there is no token")
        tokens = np.concatenate(parts)
        whole = tokens.dtype.kind in "iu"
        if not whole or not 0 <= int(tokens.min()) <= int(tokens.max()) < vocab_size:
            raise ValueError(f"token ids are whole numbers from 0 to {vocab_size - 1}")
        lengths = np.array([len(part) for part in parts], np.int64)
        return cls(tokens.astype(np.int64), np.repeat(np.cumsum(lengths) - lengths, lengths))


def _parts(sequences: Any) -> Iterable[Any]:
    """Return sequences one by one: there is one where its items are numbers."""
    flat = isinstance(sequences, np.ndarray) and sequences.ndim == 1
    return [sequences] if flat or (len(sequences) and np.ndim(sequences[0]) == 0) else sequences


def _count(text: _Text, order: int, vocab_size: int) -> list[tuple[Ints, Ints]]:
    """Return the sorted keys of each order's n-grams, and their counts: of occurrences for the
    highest order, of predecessors for the others. Orders that no sequence is long enough for have
    none."""
    orders: list[tuple[Ints, Ints]] = []
    place, first = np.arange(len(text.tokens)), np.unique(text.starts)
    shorter = np.zeros(len(place), np.int64)  # the number of the (n - 1)-gram that begins here
    for n in range(1, order + 1):
        rows = place[n - 1 :] - (n - 1)
        rows = rows[text.starts[rows + n - 1] <= rows]  # those that lie within a sequence
        if not len(rows):
            break
        keys, where, numbers, counts = np.unique(
            shorter[rows] * vocab_size + text.tokens[rows + n - 1],
            return_index=True,
            return_inverse=True,
            return_counts=True,
        )
        if orders:  # each distinct n-gram is one predecessor of what it ends with
            lower_keys, _ = orders[-1]
            begun = shorter[first]  # what begins a sequence has none, and counts as it occurs
            ended = np.concatenate([shorter[rows[where] + 1], begun[begun != ABSENT]])
            orders[-1] = lower_keys, np.bincount(ended, minlength=len(lower_keys))
        orders.append((keys, counts))
        shorter = np.full(len(place), ABSENT)
        shorter[rows] = numbers
    return orders


def _smoothed(keys: Ints, counts: Ints, vocab_size: int, beginnings: int) -> _Order:
    """Discount the counts of one order, and say what that leaves of each beginning."""
    which = keys // vocab_size
    totals = np.bincount(which, counts, beginnings)
    discount = _discounts(counts)[np.minimum(counts, LARGEST)]
    freed = np.bincount(which, discount, beginnings)
    left = np.divide(freed, totals, out=np.ones(beginnings), where=totals > 0)
    return _Order(keys, (counts - discount) / totals[which], left)


def _discounts(counts: Ints) -> Floats:
    """Return what is taken from counts of 0, 1, 2, and 3 or more (section 3 of the paper).

    Where too few n-grams come so often for a sensible estimate: 1/2, 1 and 3/2, as KenLM's.
    """
    n = np.bincount(counts[counts <= LARGEST + 1], minlength=LARGEST + 2)
    k = np.arange(1, LARGEST + 1)
    if all(n[1:]):
        estimate = k - (k + 1) * (n[1] / (n[1] + 2 * n[2])) * n[k + 1] / n[k]
        if all(estimate > 0):
            return np.concatenate([[0.0], estimate])
    return np.concatenate([[0.0], k / 2])


def _looked_up(keys: Ints, wanted: Ints) -> Ints:
    """Return where each wanted key stands among sorted ones, or ABSENT."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, ABSENT)
