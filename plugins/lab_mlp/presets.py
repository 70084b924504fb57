"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A hundred rows are learned by heart: one small layer, half-blind, and a rate that ends at 0.
CLASSES: Mapping[str, Any] = {
    "hidden": (64,),
    "dropout": 0.3,
    "budget": 10_000,
    "batch_size": 16,
    "lr": 1e-2,
    "schedule": "one-cycle",
    "weight_decay": 0.1,
}
PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {"data": "iris", "hidden": (16,), "budget": 2_000, "batch_size": 16, "lr": 1e-2},
    # Rosenblatt's rule knows neither a schedule nor a batch.
    "perceptron": {"batch_size": 1, "lr": 0.1, "budget": 20_000},
    # A small table is overfitted within the first tenth of the budget at a constant rate.
    "table": {"schedule": "one-cycle"},
    # A bag of words is learned by heart at once: half of the units are dropped.
    "texts": {
        "hidden": (128,),
        "embedding_dim": 128,
        "dropout": 0.5,
        "budget": 30_000,
        "lr": 1e-2,
        "schedule": "one-cycle",
    },
    "iris": {**CLASSES, "data": "iris"},
    "wine": {**CLASSES, "data": "wine"},
    "breast-cancer": {**CLASSES, "data": "breast-cancer"},
    # Little but noise is left to learn where ridge regression ends.
    "diabetes": {
        "data": "diabetes",
        "hidden": (16,),
        "budget": 10_000,
        "batch_size": 16,
        "lr": 3e-3,
        "schedule": "one-cycle",
        "weight_decay": 1.0,
    },
    "digits": {
        "data": "digits",
        "hidden": (256, 256),
        "budget": 80_000,
        "lr": 3e-3,
        "schedule": "one-cycle",
        "weight_decay": 0.01,
        "augment": {"shift": 1},
        "eval_every": 8_000,
    },
    "shapes": {
        "data": "shapes",
        "hidden": (512, 256),
        "budget": 100_000,
        "schedule": "one-cycle",
        "weight_decay": 0.05,
        "augment": {"shift": 2, "flip": 0.5},
        "eval_every": 10_000,
    },
}
