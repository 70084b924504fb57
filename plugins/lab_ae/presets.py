"""Tuned options by source and kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "data": "digits",
        "hidden": (64,),
        "budget": 8_000,
        "batch_size": 32,
        "lr": 3e-3,
        "eval_every": 2_000,
    },
    "digits": {
        "data": "digits",
        "hidden": (256, 128),
        "budget": 200_000,
        "lr": 2e-3,
        "schedule": "cosine",
        "eval_every": 20_000,
    },
    "vae-digits": {
        "data": "digits",
        "kind": "vae",
        "hidden": (256, 128),
        "binarize": "drawn",
        "budget": 400_000,
        "lr": 2e-3,
        "schedule": "cosine",
        "eval_every": 40_000,
    },
    "vq-digits": {
        "data": "digits",
        "kind": "vq",
        "hidden": (256, 128),
        "latent_dim": 16,
        "budget": 400_000,
        "lr": 2e-3,
        "schedule": "cosine",
        "eval_every": 40_000,
    },
}
