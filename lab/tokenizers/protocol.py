"""Say what a tokenizer is, and which ids come before those of its text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple, Protocol, Self


class Special(NamedTuple):
    """The ids that stand for no text: padding, the two ends of a text, and what is not known."""

    pad: int = 0
    bos: int = 1
    eos: int = 2
    unknown: int = 3


SPECIAL = Special()  # of every tokenizer
OFFSET = len(SPECIAL)  # the id of the first piece of text


class Tokenizer(Protocol):
    """What turns text into ids below `vocab_size`, and back.

    No text encodes to `pad`, `bos` or `eos`, whatever it spells: who needs them adds them. `decode`
    leaves them out, and ids below 0 too.
    """

    name: ClassVar[str]  # its key in TOKENIZERS

    @property
    def vocab_size(self) -> int:
        """How many ids there are, the special ones among them."""

    @property
    def special(self) -> Special:
        """The ids that stand for no text."""

    @classmethod
    def train(cls, texts: Iterable[str]) -> Self:
        """Learn a vocabulary from texts; each tokenizer has options of its own."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text."""

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ids."""

    def to_plain(self) -> dict[str, Any]:
        """Return all it learned as plain data, its name as "tokenizer"."""

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """Return the tokenizer that gave this plain data."""
