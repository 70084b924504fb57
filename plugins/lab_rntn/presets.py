"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "data": "sentiment-trees",
        "data_args": {"n": 400},
        "dim": 8,
        "budget": 2_000,
        "batch_size": 50,
        "lr": 0.1,
        "eval_every": 500,
    },
    "sentiment-trees": {
        "data": "sentiment-trees",
        "dim": 12,
        "budget": 40_000,
        "lr": 0.1,
        "eval_every": 4_000,
    },
    "grammar": {
        "data": "grammar",
        "dim": 12,
        "budget": 12_000,
        "lr": 0.1,
        "eval_every": 1_200,
    },
    "scenes": {
        "data": "scenes",
        "dim": 10,
        "budget": 9_000,
        "lr": 0.1,
        "eval_every": 900,
    },
    "stdlib-expr": {
        "data": "stdlib-expr",
        "dim": 16,
        "budget": 20_000,
        "lr": 0.1,
        "eval_every": 2_000,
    },
}
