"""Name the tokenizers; train one by its name, and read one back from a run folder.

Nothing heavy is imported: the names are an option's choices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lab.errors import UsageError
from lab.spec import import_object
from lab.tokenizers.protocol import Tokenizer

TOKENIZERS: Mapping[str, str] = {
    "char": "lab.tokenizers.characters:CharTokenizer",
    "byte": "lab.tokenizers.utf8:ByteTokenizer",
    "word": "lab.tokenizers.words:WordTokenizer",
    "bpe": "lab.tokenizers.byte_pairs:BPETokenizer",
}


def train_tokenizer(name: str, texts: Iterable[str], **options: Any) -> Tokenizer:
    """Return a tokenizer by its name, trained on texts. `options` are those of its `train`.

    Raises UsageError for a name that is not among TOKENIZERS, or where a library is missing.
    """
    trained: Tokenizer = _class(name).train(texts, **options)
    return trained


def load_tokenizer(plain: Mapping[str, Any]) -> Tokenizer:
    """Return the tokenizer that `to_plain` described. Raises UsageError where it is none."""
    if "tokenizer" not in plain:
        raise UsageError("these data describe no tokenizer: they have no 'tokenizer'")
    loaded: Tokenizer = _class(plain["tokenizer"]).from_plain(plain)
    return loaded


def _class(name: str) -> Any:
    if name not in TOKENIZERS:
        raise UsageError(f"there is no tokenizer {name!r}. There is: {', '.join(TOKENIZERS)}")
    return import_object(TOKENIZERS[name])
