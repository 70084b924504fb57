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
from lab.tokenizers.names import fit_tokenizer, vocabulary_of
from lab.tokenizers.protocol import Tokenizer


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
    tokenizer = fit_tokenizer(options.pieces, data.texts("train"), options.vocab_size)
    return {"tokenizer": tokenizer.to_plain(), "one_text": data.dataset.stream}


def as_tokens(info: DatasetInfo, tokenizer: Tokenizer, context: int) -> DatasetInfo:
    """Return what networks are built from: tokens [context], and as many outputs as there are ids,
    which the vocabulary shows as text."""
    size, words = tokenizer.vocab_size, vocabulary_of(tokenizer)
    return replace(info, kind="tokens", shape=(context,), outputs=size, vocabulary=words)


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
