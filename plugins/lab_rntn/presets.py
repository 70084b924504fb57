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
    },
}
