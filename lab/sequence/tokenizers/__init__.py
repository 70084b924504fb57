"""Turn text into token ids and back: characters, bytes, words, byte-pair encoding.

Names load what they need when first used, so that the options stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "BPETokenizer": "lab.sequence.tokenizers.byte_pairs",
    "ByteTokenizer": "lab.sequence.tokenizers.utf8",
    "CharTokenizer": "lab.sequence.tokenizers.characters",
    "SPECIAL": "lab.sequence.tokenizers.protocol",
    "Special": "lab.sequence.tokenizers.protocol",
    "TOKENIZERS": "lab.sequence.tokenizers.names",
    "Tokenizer": "lab.sequence.tokenizers.protocol",
    "WordTokenizer": "lab.sequence.tokenizers.words",
    "load_tokenizer": "lab.sequence.tokenizers.names",
    "train_tokenizer": "lab.sequence.tokenizers.names",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.sequence.tokenizers.byte_pairs import BPETokenizer as BPETokenizer
    from lab.sequence.tokenizers.characters import CharTokenizer as CharTokenizer
    from lab.sequence.tokenizers.names import TOKENIZERS as TOKENIZERS
    from lab.sequence.tokenizers.names import load_tokenizer as load_tokenizer
    from lab.sequence.tokenizers.names import train_tokenizer as train_tokenizer
    from lab.sequence.tokenizers.protocol import SPECIAL as SPECIAL
    from lab.sequence.tokenizers.protocol import Special as Special
    from lab.sequence.tokenizers.protocol import Tokenizer as Tokenizer
    from lab.sequence.tokenizers.utf8 import ByteTokenizer as ByteTokenizer
    from lab.sequence.tokenizers.words import WordTokenizer as WordTokenizer

__getattr__, __dir__ = attach(__name__, _HOME)
