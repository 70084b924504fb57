"""Tuned options by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

POINTS: Mapping[str, Any] = {
    "data": "ring",
    "hidden": (128, 128),
    "latent_dim": 2,
    "batch_size": 256,
    "lr": 2e-3,
    "schedule": "cosine",
    "ema": 0.995,
    "eval_every": 100_000,
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "data": "ring",
        "data_args": {"n": 2_000},
        "hidden": (64, 64),
        "latent_dim": 2,
        "lr": 1e-3,
        "batch_size": 128,
        "budget": 64_000,
        "eval_every": 8_000,
        "ema": 0.99,
        "eval_samples": 500,
    },
    # Points need precision: a high rate at first, none in the end.
    "ring": {**POINTS, "budget": 1_000_000},
    "ring-wgan-gp": {
        **POINTS,
        "loss": "wgan-gp",
        "gradient_penalty": 0.1,
        "critic_steps": 2,
        "lr": 4e-3,
        "budget": 1_500_000,
        "eval_every": 150_000,
    },
    "ring-hinge": {
        **POINTS,
        "loss": "hinge",
        "lipschitz": 40.0,  # with 1, narrow modes lie within a margin of 1 of each other
        "budget": 1_200_000,
        "eval_every": 120_000,
    },
    "grid": {
        **POINTS,
        "data": "grid",
        "lr": 4e-3,
        "batch_size": 128,
        "r1": 0.01,  # without, a mode in five is lost on the way
        "ema": 0.999,
        "budget": 2_500_000,
        "eval_every": 250_000,
    },
    "sentences": {
        "data": "sentences",
        "loss": "relativistic",
        "width": 64,
        "lr": 5e-4,
        "ema": 0.995,
        "budget": 300_000,
        "eval_every": 30_000,
    },
    "digits": {
        "data": "digits",
        "arch": "mlp",
        "hidden": (256, 256),
        "loss": "relativistic",
        "lr": 5e-4,
        "ema": 0.995,
        "budget": 400_000,
        "eval_every": 40_000,
    },
}
