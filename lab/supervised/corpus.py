"""Turn the texts of a source into tokens, by a tokenizer that the training split alone taught."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from lab.data.data import Data
from lab.data.dataset_info import DatasetInfo
from lab.errors import UsageError
from lab.supervised.language_config import LanguageOptions
from lab.tokenizers.names import train_tokenizer
from lab.tokenizers.protocol import OFFSET, Tokenizer


@dataclass(frozen=True)
class Part:
    """The tokens of one split.

    ids: [L] int64, whole texts one after another: each begins with `bos` and, where there are
    several, ends with `eos`. characters, bytes: of the texts themselves. unknown: how many of the
    tokens training did not show.
    """

    ids: Tensor
    characters: int
    bytes: int
    unknown: int


def learned(data: Data, options: LanguageOptions) -> dict[str, Any]:
    """Return the tokenizer of a run as plain data, and whether the source is one text."""
    settings: dict[str, dict[str, Any]] = {
        "char": {"unknown": "map"},  # in a text to measure on; a prompt may hold none
        "word": {"max_words": options.vocab_size - OFFSET},
        "bpe": {"vocab_size": options.vocab_size},
    }
    chosen = settings.get(options.tokenizer, {})
    tokenizer = train_tokenizer(options.tokenizer, data.texts("train"), **chosen)
    return {"tokenizer": tokenizer.to_plain(), "one_text": data.dataset.stream}


def as_tokens(info: DatasetInfo, tokenizer: Tokenizer, context: int) -> DatasetInfo:
    """Return what networks are built from: tokens [context], and as many outputs as there are ids,
    which the vocabulary shows as text."""
    words = [tokenizer.decode([number]) for number in range(tokenizer.vocab_size)]
    words[: len(tokenizer.special)] = ["", "<bos>", "<eos>", "<unk>"]
    size = tokenizer.vocab_size
    return replace(info, kind="tokens", shape=(context,), outputs=size, vocabulary=tuple(words))


def encoded(data: Data, split: str, tokenizer: Tokenizer) -> Part:
    """Return a split as tokens. Raises UsageError where there is no token in it."""
    special = tokenizer.special
    pieces = data.texts(split)
    whole = ["".join(pieces)] if data.dataset.stream else pieces
    ends = [] if data.dataset.stream else [special.eos]
    rows = [[special.bos, *tokenizer.encode(text), *ends] for text in whole]
    tokens = [token for row in rows for token in row]
    if len(tokens) <= (1 + len(ends)) * len(rows):
        raise UsageError(
            f"{data.request.data_name}: the {split} split has no {tokenizer.name} tokens"
        )
    return Part(
        torch.tensor(tokens),
        sum(map(len, whole)),
        sum(len(text.encode()) for text in whole),
        tokens.count(special.unknown),
    )
