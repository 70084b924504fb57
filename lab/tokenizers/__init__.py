"""Turn text into token ids and back: characters, bytes, words, byte-pair encoding.

Names load what they need when first used, so that the options stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "BPETokenizer": "lab.tokenizers.byte_pairs",
    "ByteTokenizer": "lab.tokenizers.utf8",
    "CharTokenizer": "lab.tokenizers.characters",
    "SPECIAL": "lab.tokenizers.protocol",
    "Special": "lab.tokenizers.protocol",
    "TOKENIZERS": "lab.tokenizers.names",
    "Tokenizer": "lab.tokenizers.protocol",
    "WordTokenizer": "lab.tokenizers.words",
    "load_tokenizer": "lab.tokenizers.names",
    "train_tokenizer": "lab.tokenizers.names",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.tokenizers.byte_pairs import BPETokenizer as BPETokenizer
    from lab.tokenizers.characters import CharTokenizer as CharTokenizer
    from lab.tokenizers.names import TOKENIZERS as TOKENIZERS
    from lab.tokenizers.names import load_tokenizer as load_tokenizer
    from lab.tokenizers.names import train_tokenizer as train_tokenizer
    from lab.tokenizers.protocol import SPECIAL as SPECIAL
    from lab.tokenizers.protocol import Special as Special
    from lab.tokenizers.protocol import Tokenizer as Tokenizer
    from lab.tokenizers.utf8 import ByteTokenizer as ByteTokenizer
    from lab.tokenizers.words import WordTokenizer as WordTokenizer

__getattr__, __dir__ = attach(__name__, _HOME)
