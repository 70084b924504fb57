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
    return [tuple(row[: row.index(0)] if 0 in row else row) for row in tokens.cpu().tolist()]


def spoken(tokens: Tensor, vocabulary: Sequence[str]) -> list[str]:
    return [" ".join(vocabulary[word] for word in sentence) for sentence in sentences(tokens)]


def measure(samples: Tensor, data: Data, split: str) -> dict[str, float]:
    """Return known: the fraction of samples that are sentences of the source, in any split; new:
    that of those that are not in the training split; distinct: the fraction of samples that are
    distinct; distance: total variation of pairs of words from those of the split."""
    generated = sentences(samples)
    splits = [set(_of(data, name)) for name in ("train", "eval", "test")]
    in_source = [sentence for sentence in generated if any(sentence in s for s in splits)]
    new = [sentence for sentence in in_source if sentence not in splits[0]]
    return {
        "known": len(in_source) / len(generated),
        "new": len(new) / len(in_source) if in_source else 0.0,
        "distinct": len(set(generated)) / len(generated),
        "distance": variation(_pairs(generated), _pairs(_of(data, split))),
    }


def _of(data: Data, split: str) -> list[Sentence]:
    return [
        sentence
        for batch in data.part(split).batches(1_024)
        for sentence in sentences(batch["inputs"])
    ]


def _pairs(texts: Iterable[Sentence]) -> Counter[tuple[int, int]]:
    """Count neighbors; 0 stands before the first word and after the last one."""
    counts: Counter[tuple[int, int]] = Counter()
    for sentence in texts:
        padded = (0, *sentence, 0)
        counts.update(pairwise(padded))
    return counts


def variation(a: Counter[tuple[int, int]], b: Counter[tuple[int, int]]) -> float:
    """Return half of the summed differences of frequencies, between 0 and 1."""
    first, second = a.total(), b.total()
    return sum(abs(a[pair] / first - b[pair] / second) for pair in a | b) / 2
