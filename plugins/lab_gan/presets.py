"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "data": "ring",
        "data_args": {"n": 2_000},
        "hidden": (64, 64),
        "latent": 2,
        "lr": 1e-3,
        "batch": 128,
        "budget": 64_000,
        "ema": 0.99,
        "samples": 500,
    },
    "ring": {"hidden": (128, 128), "latent": 2, "lr": 1e-3, "batch": 256, "budget": 1_000_000},
    "grid": {"hidden": (128, 128), "latent": 2, "lr": 1e-3, "batch": 256, "budget": 2_000_000},
    "digits": {
        "data": "digits",
        "arch": "mlp",
        "hidden": (256, 256),
        "loss": "relativistic",
        "lr": 5e-4,
        "ema": 0.995,
        "budget": 400_000,
        "eval_every": 100_000,
    },
}
