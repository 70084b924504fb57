"""Read what a person writes as tokens of a vocabulary, and write tokens as a person would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import takewhile
from typing import Any
from warnings import warn

import numpy as np

from lab.data.dataset import Array
from lab.data.dataset_info import DatasetInfo
from lab.data.tokens import END
from lab.errors import InputWarning, UsageError
from lab.messages import count, listed
from lab.tokenizers.protocol import OFFSET
from lab.tokenizers.words import WordTokenizer, pieces

SHOWN = 40  # words of a vocabulary that a message lists at most


class Sentences:
    """Texts as rows of tokens: of characters, where all words of the vocabulary are single ones.

    spaced: whether texts have spaces between words.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        """vocabulary: words by their number; word 0 is the end, ""."""
        self.words = tuple(vocabulary[END + 1 :])
        self.by_character = all(len(word) == 1 for word in self.words)
        self.spaced = not self.by_character or " " in self.words

    def tokens(self, text: str) -> list[int]:
        """Return the tokens of a text. Raises UsageError where one is unknown, or none is there."""
        found = list(text.strip()) if self.by_character else self.split(text)
        if not found:
            raise UsageError("an empty text says nothing: leave it out")
        for word in found:
            if word not in self._numbers:
                unit = "character" if self.by_character else "word"
                known = f"; it has {listed(self.words)}" if len(self.words) <= SHOWN else ""
                raise UsageError(f"{text!r}: training saw no {unit} {word!r}{known}")
        return [self._numbers[word] for word in found]

    def rows(self, texts: Sequence[str], steps: int = 1) -> Array:
        """Return tokens int64 [B, T] of texts, filled up with the end, T at least `steps`."""
        sentences = [self.tokens(text) for text in texts]
        filled = np.full((len(texts), max([steps, *map(len, sentences)])), END, np.int64)
        for row, sentence in zip(filled, sentences, strict=True):
            row[: len(sentence)] = sentence
        return filled

    def text(self, tokens: Iterable[int]) -> str:
        """Return the text of tokens, up to their end."""
        known = takewhile(lambda token: token != END, map(int, tokens))
        if self.by_character:
            return "".join(self.words[token - 1] for token in known)
        return self._tokenizer.decode(token - 1 + OFFSET for token in known)

    def split(self, text: str) -> list[str]:
        """Return words as they are spelled between spaces; what is none falls into its marks."""
        parts = text.split()
        return [w for part in parts for w in ([part] if part in self._numbers else pieces(part))]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, END + 1)}

    @cached_property
    def _tokenizer(self) -> WordTokenizer:
        return WordTokenizer(self.words)


def are_texts(inputs: Any) -> bool:
    """Tell whether inputs are a list of texts, or another collection of them."""
    texts = not isinstance(inputs, str) and hasattr(inputs, "__len__") and bool(len(inputs))
    return texts and all(isinstance(text, str) for text in inputs)


def token_rows(texts: Sequence[str], info: DatasetInfo) -> Array:
    """Return tokens [B, T] of texts, read as those of the source were. Warns of what training never
    saw where there is a token for it, and of texts that are cut; raises UsageError as `Sentences`
    does where there is none."""
    if info.text is None:
        return Sentences(info.vocabulary).rows(texts, info.shape[0])
    ids = info.text.ids(texts)
    if unknown := info.text.unknown(ids):
        warn(f"{unknown:.0%} of the words are unknown", InputWarning, stacklevel=2)
    if cut := info.text.cut(ids):
        longer = "is longer" if cut == 1 else "are longer"
        message = f"{cut:,} of {count(len(ids), 'text')} {longer} than {info.text.length:,} tokens"
        warn(f"{message}: the rest is not read", InputWarning, stacklevel=2)
    return info.text.rows(ids)
