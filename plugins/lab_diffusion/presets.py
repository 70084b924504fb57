"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

POINTS: Mapping[str, Any] = {
    "data": "ring",
    "hidden": (128, 128, 128),
    "batch_size": 256,
    "lr": 4e-3,
    "schedule": "cosine",
    "ema": 0.999,
    "budget": 1_000_000,
    "eval_every": 100_000,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "data": "ring",
        "data_args": {"n": 2_000},
        "hidden": (64, 64),
        "lr": 3e-3,
        "batch_size": 128,
        "budget": 64_000,
        "eval_every": 16_000,
        "ema": 0.99,
        "steps": 20,
        "eval_samples": 500,
    },
    "ring": POINTS,
    "grid": {**POINTS, "data": "grid"},
    "digits": {
        "data": "digits",
        "width": 16,
        "blocks": 1,
        "lr": 2e-3,
        "schedule": "cosine",
        "budget": 150_000,
        "eval_every": 50_000,
        "eval_samples": 300,  # half of the test digits are 180
    },
    "mnist5k": {
        "data": "mnist5k",
        "patch": 2,  # 14 x 14 places: four times as many samples in the same time
        "width": 32,
        "blocks": 1,
        "batch_size": 32,
        "lr": 2e-3,
        "schedule": "cosine",
        "ema": 0.995,
        "budget": 70_000,
        "eval_every": 35_000,
        "eval_samples": 500,  # half of the test digits
        "steps": 40,
    },
}
