"""Turn the texts of a source into tokens, by a tokenizer that the training split alone taught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lab.data.data import Data
from lab.data.tokens import sentence
from lab.errors import UsageError
from lab.sequence.tokenizers.names import train_tokenizer
from lab.sequence.tokenizers.protocol import OFFSET, Tokenizer
from lab.supervised.language_config import LanguageOptions


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
    sizes: dict[str, Callable[[], dict[str, Any]]] = {
        "word": lambda: {"max_words": options.vocab_size - OFFSET},
        "bpe": lambda: {"vocab_size": options.vocab_size},
        "char": lambda: {"unknown": "map"},  # of a text to measure on; prompts refuse them
    }
    chosen = sizes.get(options.tokenizer, dict)()
    tokenizer = train_tokenizer(options.tokenizer, texts(data, "train"), **chosen)
    return {"tokenizer": tokenizer.to_plain(), "one_text": data.dataset.stream}


def texts(data: Data, split: str) -> list[str]:
    """Return the texts of a split; sentences of words with spaces between them.

    Raises UsageError where the source gives none.
    """
    dataset = data.dataset
    if dataset.kind != "tokens":
        return data.texts(split)
    rows = dataset.inputs[data.parts[split]]
    return [" ".join(sentence(row, dataset.vocabulary)) for row in rows]


def encoded(data: Data, split: str, tokenizer: Tokenizer) -> Part:
    """Return a split as tokens. Raises UsageError where there is no token in it."""
    special = tokenizer.special
    pieces = texts(data, split)
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
