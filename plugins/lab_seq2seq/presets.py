"""Tuned options by source; `-transformer` where both the encoder and the decoder are one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RECURRENT = {"lr": 5e-3, "schedule": "one-cycle", "clip_norm": 1.0}
TRANSFORMER = {
    "encoder": "transformer",
    "decoder": "transformer",
    "layers": 2,
    "lr": 2e-3,
    "schedule": "one-cycle",
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "data": "reverse",
        "data_args": {"n": 600, "longest": 5, "symbols": 4},
        "hidden_size": 32,
        "dropout": 0.0,
        "batch_size": 32,
        "lr": 5e-3,
        "budget": 3_200,
    },
    "reverse": {"data": "reverse", "budget": 38_400, **RECURRENT},
    "reverse-transformer": {"data": "reverse", "budget": 38_400, **TRANSFORMER},
    "number-words": {"data": "number-words", "budget": 60_000, **RECURRENT},
    "number-words-transformer": {"data": "number-words", "budget": 60_000, **TRANSFORMER},
    "dates": {"data": "dates", "budget": 50_000, **RECURRENT},
    "captions": {"data": "captions", "batch_size": 32, "budget": 30_000, **RECURRENT, "lr": 3e-3},
    "utterances": {"data": "utterances", "batch_size": 16, "budget": 20_000, **RECURRENT},
    # All words of the dictionary, ten times over.
    "cmudict": {
        "data": "cmudict",
        "data_args": {"n": 0},
        "hidden_size": 256,
        "label_smoothing": 0.1,
        "weight_decay": 0.01,
        "budget": 900_000,
        "eval_every": 150_000,
        **RECURRENT,
        "lr": 2e-3,
    },
}
