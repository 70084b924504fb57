"""Turn each byte of UTF-8 into a token: there is nothing to learn, and nothing unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from lab.tokenizers.protocol import OFFSET, SPECIAL, Special


@dataclass(frozen=True)
class ByteTokenizer:
    """The 256 bytes. Any text encodes; ids that are no UTF-8 decode to U+FFFD."""

    name: ClassVar[str] = "byte"
    special: ClassVar[Special] = SPECIAL
    vocab_size: ClassVar[int] = OFFSET + 256

    @classmethod
    def train(cls, texts: Iterable[str]) -> Self:
        """Return the tokenizer; texts are not read."""
        return cls()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        return cls()

    def to_plain(self) -> dict[str, Any]:
        return {"tokenizer": self.name}

    def encode(self, text: str) -> list[int]:
        return [OFFSET + byte for byte in text.encode()]

    def decode(self, ids: Iterable[int]) -> str:
        return bytes(i - OFFSET for i in ids if i >= OFFSET).decode(errors="replace")
