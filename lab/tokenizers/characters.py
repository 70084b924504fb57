"""Turn each character into a token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

from lab.errors import UsageError
from lab.tokenizers.protocol import OFFSET, SPECIAL, Special

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"  # what an unknown character is decoded to


@dataclass(frozen=True)
class CharTokenizer:
    """Characters by code point. unknown: `refuse` a character that training did not show, or `map`
    it to the unknown id."""

    name: ClassVar[str] = "char"
    special: ClassVar[Special] = SPECIAL

    characters: str  # sorted
    unknown: Literal["refuse", "map"] = "refuse"

    @classmethod
    def train(cls, texts: Iterable[str], *, unknown: Literal["refuse", "map"] = "refuse") -> Self:
        """Learn which characters there are."""
        return cls("".join(sorted(set().union(*texts))), unknown)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        return cls(plain["characters"], plain["unknown"])

    def to_plain(self) -> dict[str, Any]:
        return {"tokenizer": self.name, "characters": self.characters, "unknown": self.unknown}

    @property
    def vocab_size(self) -> int:
        return OFFSET + len(self.characters)

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {character: number for number, character in enumerate(self.characters, OFFSET)}

    def encode(self, text: str) -> list[int]:
        """Return an id for each character. Raises UsageError for an unknown one, where those are
        refused."""
        ids = [self._ids.get(character, SPECIAL.unknown) for character in text]
        if self.unknown == "refuse" and SPECIAL.unknown in ids:
            place = ids.index(SPECIAL.unknown)
            raise UsageError(
                f"character {text[place]!r} at position {place} is none of the "
                f"{len(self.characters)} that the tokenizer was trained on"
            )
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the characters; an unknown one is U+FFFD."""
        return "".join(
            self.characters[token - OFFSET] if token >= OFFSET else REPLACEMENT
            for token in ids
            if token >= SPECIAL.unknown
        )
