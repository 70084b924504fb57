"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRANSFORMER = {"encoder": "transformer", "decoder": "transformer"}

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
}
