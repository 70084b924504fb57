"""Tuned options by source and architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {"data": "digits", "arch": "simple", "width": 0.5, "budget": 4_000, "lr": 3e-3},
    "digits-simple": {
        "data": "digits",
        "arch": "simple",
        "budget": 30_000,
        "lr": 5e-3,
        "schedule": "one-cycle",
        "weight_decay": 0.05,
        "augment": {"shift": 1},
    },
    # Tanh and mean pooling learn slowly: many steps, twice as many examples as `simple` has.
    "digits-lenet5": {
        "data": "digits",
        "arch": "lenet5",
        "budget": 60_000,
        "batch_size": 32,
        "lr": 1e-2,
        "schedule": "one-cycle",
        "weight_decay": 0.05,
        "augment": {"crop": 0.8},
        "label_smoothing": 0.1,
    },
    # Wide and shallow: the same time buys more than by twenty narrow layers.
    "digits-resnet14": {
        "data": "digits",
        "arch": "resnet14",
        "budget": 36_000,
        "batch_size": 128,
        "lr": 2e-2,
        "schedule": "one-cycle",
        "weight_decay": 0.05,
        "augment": {"crop": 0.8},
        "label_smoothing": 0.1,
        "eval_every": 3_600,
        "channels_last": True,
    },
    "digits-resnet20": {
        "data": "digits",
        "arch": "resnet20",
        "width": 0.5,
        "budget": 36_000,
        "batch_size": 128,
        "lr": 2e-2,
        "schedule": "one-cycle",
        "weight_decay": 0.05,
        "augment": {"crop": 0.8},
        "label_smoothing": 0.1,
        "eval_every": 3_600,
        "channels_last": True,
    },
    # As many parameters as capsnet has with its own preset, decoder and all.
    "digits-capsnet_baseline": {
        "data": "digits",
        "arch": "capsnet_baseline",
        "width": 0.207,
        "budget": 30_000,
        "lr": 3e-3,
        "schedule": "one-cycle",
        "augment": {"shift": 1},
        "eval_every": 3_000,
    },
    "mnist5k-capsnet_baseline": {
        "data": "mnist5k",
        "arch": "capsnet_baseline",
        "width": 0.176,
        "budget": 12_500,  # which take as long as its 40,000 take capsnet
        "batch_size": 16,
        "lr": 1e-3,
        "schedule": "one-cycle",
        "augment": {"shift": 2},
        "eval_every": 1_250,
        "channels_last": True,
    },
    "shapes-simple": {
        "data": "shapes",
        "arch": "simple",
        "budget": 60_000,
        "lr": 3e-3,
        "schedule": "one-cycle",
        "weight_decay": 0.05,
        "augment": {"shift": 2},
        "eval_every": 6_000,
        "channels_last": True,
    },
    "shapes-resnet20": {
        "data": "shapes",
        "arch": "resnet20",
        "width": 0.5,
        "budget": 20_000,
        "lr": 1.5e-2,
        "schedule": "one-cycle",
        "weight_decay": 0.05,
        "augment": {"shift": 2},
        "eval_every": 2_000,
        "channels_last": True,
    },
    # Boundaries are what is hard: small batches, so that there are many steps.
    "shapes-segment": {
        "data": "shapes",
        "task": "segment",
        "arch": "resnet20",
        "width": 0.5,
        "data_args": {"difficulty": 0.2},
        "budget": 24_000,
        "batch_size": 16,
        "lr": 6e-3,
        "schedule": "one-cycle",
        "weight_decay": 0.05,
        "eval_every": 2_400,
        "channels_last": True,
    },
}
