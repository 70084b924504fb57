"""Tuned options by algorithm and environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "algo": "ppo",
        "env": "CartPole-v1",
        "budget": 4_096,
        "eval_every": 1_024,
        "n_envs": 4,
        "n_steps": 64,
        "n_epochs": 10,
        "batch_size": 64,
        "lr": 2e-3,
        "eval_episodes": 5,
        "test_episodes": 10,
    },
    "ppo-CartPole-v1": {
        "budget": 100_000,
        "eval_every": 5_000,
        "n_steps": 32,
        "n_epochs": 20,
        "batch_size": 256,
        "gamma": 0.98,
        "gae_lambda": 0.8,
        "lr": 1e-3,
        "schedule": "linear",
        "clip_norm": 0.5,
    },
}
