"""Write sentences as rows of tokens: number 0 ends a sentence and fills it up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from lab_sources.sdf import Array


def vocabulary(sentences: Iterable[Iterable[str]]) -> tuple[str, ...]:
    """Return the end, "", and the words that occur, sorted."""
    return ("", *sorted({word for sentence in sentences for word in sentence}))


def rows(
    sentences: Sequence[Sequence[str]], words: Sequence[str], *, ends: bool = False, steps: int = 1
) -> Array:
    """Return tokens int [N, T] of sentences, as long as the longest, `steps` at least; with `ends`
    a step longer, so that each has its end: what writes them must learn to stop."""
    number = {word: token for token, word in enumerate(words)}
    longest = max(map(len, sentences), default=0) + ends
    out = np.zeros((len(sentences), max(longest, steps)), np.int64)
    for row, sentence in zip(out, sentences, strict=True):
        row[: len(sentence)] = [number[word] for word in sentence]
    return out
