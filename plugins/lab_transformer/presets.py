"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "data": "digits",
        "layers": 2,
        "width": 32,
        "heads": 2,
        "budget": 3_000,
        "lr": 5e-3,
    },
    "digits": {
        "data": "digits",
        "layers": 4,
        "width": 64,
        "heads": 4,
        "patch": 2,
        "budget": 60_000,
        "lr": 2e-3,
        "schedule": "one-cycle",
        "weight_decay": 0.05,
        "augment": {"shift": 1},
        "eval_every": 6_000,
    },
    "stories-span": {
        "data": "stories",
        "answer": "span",
        "layers": 2,
        "width": 64,
        "heads": 4,
        "budget": 100_000,
        "lr": 2e-3,
        "schedule": "one-cycle",
        "eval_every": 10_000,
    },
    "reverse": {
        "data": "reverse",
        "layers": 2,
        "width": 64,
        "heads": 4,
        "positions": "sinusoidal",
        "budget": 60_000,
        "lr": 2e-3,
        "schedule": "one-cycle",
        "eval_every": 10_000,
    },
    "number-words": {
        "data": "number-words",
        "layers": 2,
        "width": 64,
        "heads": 4,
        "positions": "sinusoidal",
        "budget": 60_000,
        "lr": 2e-3,
        "schedule": "one-cycle",
        "eval_every": 10_000,
    },
}
