"""Published options by algorithm and environment: rl-baselines3-zoo, hyperparams/<algo>.yml."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# its options of DQN for Acrobot-v1 and LunarLander
_DQN = {
    "budget": 100_000,
    "lr": 6.3e-4,
    "batch_size": 128,
    "buffer_size": 50_000,
    "learning_starts": 0,
    "gamma": 0.99,
    "target_update_interval": 250,
    "train_freq": 4,
    "gradient_steps": -1,
    "exploration_fraction": 0.12,
    "epsilon_end": 0.1,
    "hidden": (256, 256),
}
# its options of TD3 and DDPG for Pendulum-v1
_DETERMINISTIC = {
    "budget": 20_000,
    "gamma": 0.98,
    "buffer_size": 200_000,
    "learning_starts": 10_000,
    "noise": 0.1,
    "gradient_steps": 1,
    "train_freq": 1,
    "lr": 1e-3,
    "hidden": (400, 300),
}

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {
        "algo": "ppo",
        "env": "CartPole-v1",
        "budget": 2_048,
        "eval_every": 512,
        "n_envs": 4,
        "n_steps": 64,
        "batch_size": 64,
        "n_epochs": 10,
        "lr": 1e-3,
        "eval_episodes": 5,
        "test_episodes": 10,
    },
    "dqn-CartPole-v1": {
        "budget": 50_000,
        "lr": 2.3e-3,
        "batch_size": 64,
        "buffer_size": 100_000,
        "learning_starts": 1_000,
        "gamma": 0.99,
        "target_update_interval": 10,
        "train_freq": 256,
        "gradient_steps": 128,
        "exploration_fraction": 0.16,
        "epsilon_end": 0.04,
        "hidden": (256, 256),
    },
    "dqn-MountainCar-v0": {
        "budget": 120_000,
        "lr": 4e-3,
        "batch_size": 128,
        "buffer_size": 10_000,
        "learning_starts": 1_000,
        "gamma": 0.98,
        "target_update_interval": 600,
        "train_freq": 16,
        "gradient_steps": 8,
        "exploration_fraction": 0.2,
        "epsilon_end": 0.07,
        "hidden": (256, 256),
    },
    "dqn-Acrobot-v1": _DQN,
    "dqn-LunarLander-v3": _DQN,
    "ppo-CartPole-v1": {
        "budget": 100_000,
        "n_envs": 8,
        "n_steps": 32,
        "batch_size": 256,
        "gae_lambda": 0.8,
        "gamma": 0.98,
        "n_epochs": 20,
        "lr": 1e-3,
        "clip_range": 0.2,
        "linear": True,
    },
    "ppo-Pendulum-v1": {
        "budget": 100_000,
        "n_envs": 4,
        "n_steps": 1_024,
        "gae_lambda": 0.95,
        "gamma": 0.9,
        "n_epochs": 10,
        "lr": 1e-3,
        "clip_range": 0.2,
        "args": {"use_sde": True, "sde_sample_freq": 4},
    },
    "a2c-CartPole-v1": {"budget": 500_000, "n_envs": 8},
    "sac-Pendulum-v1": {"budget": 20_000, "lr": 1e-3},
    "td3-Pendulum-v1": _DETERMINISTIC,
    "ddpg-Pendulum-v1": _DETERMINISTIC,
}
