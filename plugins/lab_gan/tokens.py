"""Measure generated sentences by those of the source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from torch import Tensor

from lab import Data

Sentence = tuple[int, ...]


def sentences(tokens: Tensor) -> list[Sentence]:
    """Return rows of tokens [B, T] up to their first 0, the end."""
    found = []
    for row in tokens.cpu().tolist():
        found.append(tuple(row[: row.index(0)] if 0 in row else row))
    return found


def spoken(tokens: Tensor, vocabulary: Sequence[str]) -> list[str]:
    return [" ".join(vocabulary[word] for word in one) for one in sentences(tokens)]


def measure(samples: Tensor, data: Data, split: str) -> dict[str, float]:
    """Return known: the share of samples that are sentences of the source, in any split; new: the
    share of those that training never saw; distinct: the share of samples that are first of their
    kind; distance: total variation of pairs of words from those of the split."""
    made = sentences(samples)
    parts = {name: set(_of(data, name)) for name in ("train", "eval", "test")}
    known = [one for one in made if any(one in part for part in parts.values())]
    fresh = [one for one in known if one not in parts["train"]]
    return {
        "known": len(known) / len(made),
        "new": len(fresh) / len(known) if known else 0.0,
        "distinct": len(set(made)) / len(made),
        "distance": variation(_pairs(made), _pairs(_of(data, split))),
    }


def _of(data: Data, split: str) -> list[Sentence]:
    return [one for batch in data.part(split).batches(1_024) for one in sentences(batch["inputs"])]


def _pairs(found: Iterable[Sentence]) -> Counter[tuple[int, int]]:
    """Count neighbors; 0 stands before the first word and after the last one."""
    counts: Counter[tuple[int, int]] = Counter()
    for one in found:
        whole = (0, *one, 0)
        counts.update(pairwise(whole))
    return counts


def variation(one: Counter[tuple[int, int]], other: Counter[tuple[int, int]]) -> float:
    """Return half of the summed differences of shares, between 0 and 1."""
    first, second = one.total(), other.total()
    return sum(abs(one[pair] / first - other[pair] / second) for pair in one | other) / 2
