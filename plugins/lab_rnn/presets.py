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
}
