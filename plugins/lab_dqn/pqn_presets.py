"""Tuned options of PQN by environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "env": "CartPole-v1",
        "budget": 4_096,
        "eval_every": 1_024,
        "hidden": (64, 64),
        "n_envs": 8,
        "n_steps": 32,
        "batch_size": 64,
        "lr": 3e-3,
        "q_lambda": 0.9,
        "reward_scale": 0.1,
        "eval_episodes": 5,
        "test_episodes": 10,
    },
    "CartPole-v1": {
        "budget": 60_000,
        "eval_every": 5_000,
        "hidden": (64, 64),
        "n_envs": 16,
        "n_steps": 32,
        "batch_size": 128,
        "lr": 5e-3,
        "q_lambda": 0.9,
        "reward_scale": 0.1,
        "exploration_fraction": 0.3,
        "epsilon_end": 0.1,
    },
}
