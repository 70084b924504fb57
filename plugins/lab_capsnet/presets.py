"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "data": "digits",
        "channels": 16,
        "kernel": 3,
        "capsule_types": 4,
        "primary_kernel": 3,
        "class_dim": 8,
        "decoder": (32,),
        "reconstruction": 0.006,
        "budget": 4_000,
        "lr": 5e-3,
    },
    "digits": {
        "data": "digits",
        "channels": 64,
        "kernel": 3,
        "capsule_types": 16,
        "primary_kernel": 3,
        "decoder": (128, 256),
        "reconstruction": 0.006,  # the paper's, for as many pixels as there are here
        "budget": 30_000,
        "lr": 3e-3,
        "schedule": "one-cycle",
        "augment": {"shift": 1},
        "eval_every": 3_000,
    },
    "mnist5k": {
        "data": "mnist5k",
        "decoder": (256, 512),
        "budget": 40_000,
        "lr": 3e-3,
        "schedule": "one-cycle",
        "augment": {"shift": 2},
        "eval_every": 4_000,
    },
    "shapes": {
        "data": "shapes",
        "channels": 64,
        "kernel": 7,
        "primary_kernel": 7,
        "decoder": (256, 512),
        "budget": 20_000,
        "lr": 3e-3,
        "schedule": "one-cycle",
        "augment": {"shift": 2},
        "eval_every": 2_000,
    },
    # The paper's own network and loss; an epoch of MNIST takes a CPU's core half an hour.
    "paper": {
        "data": "mnist5k",
        "channels": 256,
        "kernel": 9,
        "capsule_types": 32,
        "primary_kernel": 9,
        "batch_size": 128,
        "budget": 100_000,
        "augment": {"shift": 2},
    },
}
