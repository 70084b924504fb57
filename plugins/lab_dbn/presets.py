"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds, passes through every kind of phase and clearly improves: for tests and a
    # first look.
    "tiny": {
        "data": "digits",
        "layers": (32, 32),
        "label_units": True,
        "finetune": "classify",
        "finetune_lr": 1e-2,
        "lr": 0.2,
        "budget": 16_000,
        "batch_size": 16,
        "gibbs_steps": 10,
    },
    "digits": {
        "layers": (200, 200, 200),
        "lr": 0.1,
        "batch_size": 32,
        "sample_inputs": True,
        "budget": 400_000,
    },
}
