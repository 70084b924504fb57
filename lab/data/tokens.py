"""Read sentences as word indices: tokens [N, T], and the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lab.errors import UsageError

Array = np.ndarray[Any, np.dtype[Any]]

END = 0  # the token that ends and pads a sentence; its word is ""


def sentence(tokens: Iterable[Any], vocabulary: Sequence[str]) -> list[str]:
    """Return the words of one row of tokens [T], up to its end."""
    words: list[str] = []
    for token in map(int, tokens):
        if token == END:
            break
        words.append(vocabulary[token])
    return words


def check_vocabulary(inputs: Any, vocabulary: Sequence[str], name: str) -> None:
    """Raise UsageError where inputs cannot be tokens, or a vocabulary is none. `name` is the
    source's, for the message."""
    if not hasattr(inputs, "shape") or len(inputs.shape) != 2:
        raise UsageError(f"{name}: a vocabulary is for tokens [N, T], which its inputs are not")
    if np.dtype(inputs.dtype).kind not in "iu":
        raise UsageError(f"{name}: tokens of type {inputs.dtype} are no whole numbers")
    if vocabulary[END] or "" in vocabulary[1:]:
        raise UsageError(f"{name}: word {END} of a vocabulary, and no other one, should be ''")
    if len(set(vocabulary)) < len(vocabulary):
        raise UsageError(f"{name}: a word stands twice in the vocabulary")


def check_sentences(
    parts: Iterable[tuple[int, Array]], vocabulary: Sequence[str], name: str
) -> None:
    """Raise UsageError where a token is no word, or follows the end of its sentence. Parts are
    tokens [M, T], each with the row where it begins."""
    for start, tokens in parts:
        unknown = (tokens < 0) | (tokens >= len(vocabulary))
        if unknown.any():
            row, step = np.argwhere(unknown)[0]
            raise UsageError(
                f"{name}: row {start + row}: token {tokens[row, step]} is none of the "
                f"{len(vocabulary)} words"
            )
        ended = np.logical_or.accumulate(tokens == END, axis=1)
        beyond = np.flatnonzero((ended & (tokens != END)).any(axis=1))
        if len(beyond):
            raise UsageError(f"{name}: row {start + beyond[0]} goes on after its end, token {END}")
