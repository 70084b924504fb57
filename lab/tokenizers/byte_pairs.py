"""Turn frequent runs of bytes into tokens: byte-level byte-pair encoding, by Hugging Face.

Sennrich et al. (2016), section 3.2, on bytes as Radford et al. (2019), section 2.2, do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, ClassVar, Self

from lab.errors import UsageError
from lab.tokenizers.protocol import OFFSET, SPECIAL, Special

BYTES = 256


class BPETokenizer:
    """Byte pairs that training merged. Any text encodes, and decodes to itself.

    The library is told of no special token: it would find their names in a text.
    """

    name: ClassVar[str] = "bpe"
    special: ClassVar[Special] = SPECIAL

    def __init__(self, pairs: Any) -> None:
        self._pairs = pairs  # tokenizers.Tokenizer

    @classmethod
    def train(cls, texts: Iterable[str], *, vocab_size: int = 4096, min_count: int = 2) -> Self:
        """Learn merges until there are `vocab_size` ids, or no pair comes `min_count` times.

        Raises UsageError where the library is missing, or the size has no room for the bytes.
        """
        if vocab_size < OFFSET + BYTES:
            raise UsageError(f"a BPE vocabulary has {OFFSET + BYTES} ids or more, not {vocab_size}")
        library = _library()
        pairs = library.Tokenizer(library.models.BPE())
        pairs.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        pairs.decoder = library.decoders.ByteLevel()
        trainer = library.trainers.BpeTrainer(
            vocab_size=vocab_size - OFFSET,
            min_frequency=min_count,
            initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
            special_tokens=[],
            show_progress=False,
        )
        pairs.train_from_iterator(texts, trainer)
        return cls(pairs)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Return what `to_plain` described. Raises UsageError where the library is missing."""
        return cls(_library().Tokenizer.from_str(json.dumps(plain["pairs"])))

    def to_plain(self) -> dict[str, Any]:
        return {"tokenizer": self.name, "pairs": json.loads(self._pairs.to_str())}

    @property
    def vocab_size(self) -> int:
        return OFFSET + int(self._pairs.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        ids = self._pairs.encode(text, add_special_tokens=False).ids
        return [OFFSET + number for number in ids]

    def decode(self, ids: Iterable[int]) -> str:
        return str(self._pairs.decode([number - OFFSET for number in ids if number >= OFFSET]))


def _library() -> ModuleType:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError as error:
        raise UsageError(
            "byte-pair encoding needs tokenizers. Install it: pip install 'rl-gen-lab[text]'"
        ) from error
    module: ModuleType = tokenizers
    return module
