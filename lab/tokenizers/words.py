"""Turn each word, number or mark into a token; of Chinese and Japanese, each character."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

from lab.tokenizers.protocol import OFFSET, SPECIAL, Special

# ideographs, kana, and the marks that are set with them: text that has no spaces between words
UNSPACED = r"\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_WORD = rf"[^\W{UNSPACED}]+"
PIECE = re.compile(rf"[{UNSPACED}]|{_WORD}(?:['’]{_WORD})*|[^\w\s]")
_UNSPACED = re.compile(rf"[{UNSPACED}]")
UNKNOWN = "<unk>"  # what an unknown word is decoded to


@dataclass(frozen=True)
class WordTokenizer:
    """Words by their spelling. Spaces are not kept: a text decodes with one between any two words,
    none between characters that are written without."""

    name: ClassVar[str] = "word"
    special: ClassVar[Special] = SPECIAL

    words: tuple[str, ...]  # the most frequent first
    lowercase: bool = False

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        *,
        max_words: int | None = None,
        min_count: int = 1,
        lowercase: bool = False,
    ) -> Self:
        """Learn the `max_words` most frequent words that come `min_count` times; of equally
        frequent ones those that sort first."""
        counts = Counter(piece for text in texts for piece in pieces(text, lowercase))
        frequent = sorted((-count, word) for word, count in counts.items() if count >= min_count)
        return cls(tuple(word for _, word in frequent[:max_words]), lowercase)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        return cls(tuple(plain["words"]), plain["lowercase"])

    def to_plain(self) -> dict[str, Any]:
        return {"tokenizer": self.name, "words": list(self.words), "lowercase": self.lowercase}

    @property
    def vocab_size(self) -> int:
        return OFFSET + len(self.words)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words, OFFSET)}

    def encode(self, text: str) -> list[int]:
        """Return an id for each word, the unknown id for words that were not learned."""
        return [self._ids.get(word, SPECIAL.unknown) for word in pieces(text, self.lowercase)]

    def unknown(self, text: str) -> Counter[str]:
        """Count the words of a text that encode to the unknown id."""
        return Counter(word for word in pieces(text, self.lowercase) if word not in self._ids)

    def decode(self, ids: Iterable[int]) -> str:
        """Return the words; an unknown one is <unk>."""
        text, before = "", ""
        for token in ids:
            if token < SPECIAL.unknown:
                continue
            word = self.words[token - OFFSET] if token >= OFFSET else UNKNOWN
            joined = not before or (_UNSPACED.match(before) and _UNSPACED.match(word))
            text += word if joined else f" {word}"
            before = word
        return text


def pieces(text: str, lowercase: bool = False) -> list[str]:
    """Return the words, numbers and marks of a text."""
    return PIECE.findall(text.lower() if lowercase else text)
