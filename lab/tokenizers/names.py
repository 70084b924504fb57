"""Name the tokenizers; train one by its name, and read one back from a run folder.

Nothing heavy is imported: the names are an option's choices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lab.errors import UsageError
from lab.spec import import_object
from lab.tokenizers.protocol import OFFSET, Tokenizer

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


def fit_tokenizer(
    name: str,
    texts: Iterable[str],
    vocab_size: int,
    *,
    lowercase: bool = False,
    min_count: int = 1,
) -> Tokenizer:
    """Return a tokenizer that also takes texts with what training did not show. vocab_size: ids at
    most, where their number is to be chosen; lowercase, min_count: of words."""
    words = {"max_words": vocab_size - OFFSET, "lowercase": lowercase, "min_count": min_count}
    options: dict[str, dict[str, Any]] = {
        "char": {"unknown": "map"},
        "word": words,
        "bpe": {"vocab_size": vocab_size},
    }
    return train_tokenizer(name, texts, **options.get(name, {}))


def vocabulary_of(tokenizer: Tokenizer) -> tuple[str, ...]:
    """Return what each id is as text, to show; what pads is ""."""
    texts = [tokenizer.decode([number]) for number in range(tokenizer.vocab_size)]
    texts[: len(tokenizer.special)] = ["", "<bos>", "<eos>", "<unk>"]
    return tuple(texts)


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
