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
    "regimes": {
        "data": "regimes",
        "cell": "gru",
        "hidden_size": 64,
        "period": 12,
        "budget": 60_000,
        "lr": 3e-3,
        "schedule": "one-cycle",
        "eval_every": 6_000,
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
}
