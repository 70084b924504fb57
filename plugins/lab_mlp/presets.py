"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {"data": "iris", "hidden": (16,), "budget": 2_000, "batch": 16, "lr": 1e-2},
    # Rosenblatt's rule knows neither a schedule nor a batch.
    "perceptron": {"batch": 1, "lr": 0.1, "budget": 20_000},
}
