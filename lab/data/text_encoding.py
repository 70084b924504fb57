"""Read texts that have labels as tokens, by a tokenizer that the training texts alone taught.

What `encoding.py` is to the rows of a table, this is to texts: all that a run learned of how its
source is read, as plain data, so that it predicts from new texts without the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from lab.data.options import TextOptions
from lab.data.tokens import END
from lab.tokenizers.names import fit_tokenizer, load_tokenizer, vocabulary_of
from lab.tokenizers.protocol import Tokenizer
from lab.tokenizers.words import PIECE

Array = np.ndarray[Any, np.dtype[Any]]
Ids = Sequence[list[int]]


@dataclass(frozen=True)
class TextEncoding:
    """length: how many tokens an example has, T: as many as the longest training text, or as were
    asked for. What is longer is cut, what is shorter filled up with END."""

    tokenizer: Tokenizer
    length: int

    @classmethod
    def fit(cls, texts: Sequence[str], options: TextOptions) -> Self:
        """Learn from training texts: words in lower case, unless another tokenizer is named.

        A word that comes once says nothing of other texts. It is unknown, as new ones will be: so
        it is learned what an unknown one stands for.
        """
        name = options.tokenizer or "word"
        tokenizer = fit_tokenizer(name, texts, options.vocab_size, lowercase=True, min_count=2)
        longest = max(len(tokenizer.encode(text)) for text in texts)
        return cls(tokenizer, min(max(longest, 1), options.max_length))

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        return cls(load_tokenizer(plain["tokenizer"]), plain["length"])

    def as_plain(self) -> dict[str, Any]:
        return {"tokenizer": self.tokenizer.to_plain(), "length": self.length}

    def facts(self) -> dict[str, Any]:
        """Return what other software needs to read texts alike: the plain data, and the pattern of
        words."""
        return {**self.as_plain(), "pattern": PIECE.pattern}

    @cached_property
    def vocabulary(self) -> tuple[str, ...]:
        """What each id is as text; the first is the end, "", as in the vocabulary of a source."""
        return vocabulary_of(self.tokenizer)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the ids of whole texts; a text without a token is one unknown token."""
        nothing = [self.tokenizer.special.unknown]
        return [self.tokenizer.encode(text) or nothing for text in texts]

    def rows(self, ids: Ids) -> Array:
        """Return tokens int32 [N, T] of ids, cut and filled up."""
        rows = np.full((len(ids), self.length), END, np.int32)
        for row, text in zip(rows, ids, strict=True):
            known = text[: self.length]
            row[: len(known)] = known
        return rows

    def cut(self, ids: Ids) -> int:
        """Return how many texts are longer than an example."""
        return sum(len(text) > self.length for text in ids)

    def unknown(self, ids: Ids) -> float:
        """Return the fraction of tokens that were not learned."""
        unknown = sum(text.count(self.tokenizer.special.unknown) for text in ids)
        return unknown / max(1, sum(map(len, ids)))
