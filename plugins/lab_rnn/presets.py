"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "data": "digits",
        "cell": "gru",
        "hidden_size": 32,
        "budget": 4_000,
        "batch_size": 64,
        "lr": 1e-2,
    },
    "digits": {
        "data": "digits",
        "budget": 60_000,
        "lr": 5e-3,
        "schedule": "one-cycle",
        "eval_every": 10_000,
    },
    # Few units and a large rate: 64 steps are slow, and most say nothing.
    "digits-pixels": {
        "data": "digits",
        "scan": "pixels",
        "hidden_size": 64,
        "budget": 80_000,
        "lr": 1e-2,
        "schedule": "one-cycle",
        "eval_every": 20_000,
    },
    "adding": {
        "data": "adding",
        "data_args": {"n": 20_000},
        "hidden_size": 64,
        "budget": 96_000,
        "lr": 5e-3,
        "schedule": "one-cycle",
        "eval_every": 24_000,
    },
    # After a pause of 100 steps: gates that begin with times up to that find it.
    "copy-memory": {
        "data": "copy-memory",
        "data_args": {"n": 40_000, "blanks": 100},
        "chrono": 120,
        "optimizer": "rmsprop",
        "lr": 1e-3,
        "budget": 128_000,
        "eval_every": 16_000,
    },
    # 270 utterances are learned by heart at once: half of the units are dropped.
    "japanese-vowels": {
        "data": "japanese-vowels",
        "bidirectional": True,
        "dropout": 0.5,
        "budget": 30_000,
        "batch_size": 16,
        "lr": 2e-3,
        "schedule": "one-cycle",
        "eval_every": 6_000,
    },
    "texts": {
        "cell": "gru",
        "bidirectional": True,
        "dropout": 0.5,
        "budget": 20_000,
        "lr": 5e-3,
        "schedule": "one-cycle",
        "eval_every": 2_500,
    },
    "stdlib": {
        "data": "stdlib",
        "data_args": {"n": 1_000_000},
        "cell": "gru",
        "hidden_size": 256,
        "context": 64,
        "batch_size": 32,
        "budget": 25_000,  # twice through the text
        "lr": 5e-3,
        "schedule": "one-cycle",
        "eval_every": 12_500,
    },
    # Of 1,000 clips a convolutional front learns much by heart.
    "moving-shapes": {
        "data": "moving-shapes",
        "data_args": {"n": 3_000},
        "cell": "gru",
        "hidden_size": 64,
        "budget": 24_000,
        "batch_size": 16,
        "lr": 2e-3,
        "schedule": "one-cycle",
        "eval_every": 6_000,
    },
    # A season of 48 steps holds whole ones of all three regimes.
    "regimes": {
        "data": "regimes",
        "data_args": {"n": 8_000},
        "cell": "gru",
        "hidden_size": 64,
        "context": 96,
        "period": 48,
        "budget": 60_000,
        "lr": 1e-2,
        "schedule": "one-cycle",
        "eval_every": 20_000,
    },
    "co2": {
        "data": "co2",
        "cell": "gru",
        "hidden_size": 64,
        "context": 104,
        "period": 52,
        "budget": 60_000,
        "lr": 1e-2,
        "schedule": "one-cycle",
        "eval_every": 20_000,
    },
    "sunspots": {
        "data": "sunspots",
        "cell": "gru",
        "hidden_size": 32,
        "dropout": 0.3,
        "context": 33,
        "horizon": 6,
        "period": 11,
        "budget": 30_000,
        "lr": 5e-3,
        "schedule": "one-cycle",
        "weight_decay": 0.1,
        "eval_every": 5_000,
    },
    # Figures turn and hide: 2,100 pictures do not tell six of them apart.
    "captions": {
        "data": "captions",
        "data_args": {"n": 12_000},
        "cell": "gru",
        "budget": 120_000,
        "batch_size": 32,
        "lr": 3e-3,
        "schedule": "one-cycle",
        "eval_every": 40_000,
    },
    "utterances": {
        "data": "utterances",
        "cell": "gru",
        "bidirectional": True,
        "hidden_size": 64,
        "budget": 16_000,
        "batch_size": 16,
        "lr": 5e-3,
        "schedule": "one-cycle",
        "eval_every": 8_000,
    },
}
