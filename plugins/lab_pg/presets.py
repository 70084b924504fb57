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
        "budget": 60_000,
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
    "ppo-Acrobot-v1": {
        "budget": 150_000,
        "eval_every": 15_000,
        "eval_episodes": 100,
        "n_envs": 16,
        "n_steps": 128,
        "n_epochs": 10,
        "batch_size": 256,
        "lr": 1e-3,
        "schedule": "linear",
        "clip_norm": 0.5,
        "normalize_obs": True,
    },
    "ppo-lab/Catch-v0": {
        "budget": 60_000,
        "eval_every": 6_000,
        "n_envs": 16,
        "n_steps": 36,
        "n_epochs": 4,
        "batch_size": 144,
        "hidden": (64,),
        "lr": 1e-3,
        "clip_norm": 0.5,
        "entropy_coef": 0.01,
    },
    "ppo-Pendulum-v1": {
        "budget": 150_000,
        "eval_every": 15_000,
        "n_envs": 4,
        "n_steps": 512,
        "n_epochs": 10,
        "batch_size": 64,
        "gamma": 0.9,
        "lr": 1e-3,
        "schedule": "linear",
        "clip_norm": 0.5,
        "normalize_obs": True,
        "normalize_returns": True,
    },
}
