"""Register the lab's own environments with Gymnasium, under the namespace `lab/`."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

_CLASSIC = "gymnasium.envs.classic_control"

_SPECS: dict[str, dict[str, Any]] = {
    "lab/Catch-v0": {"entry_point": "lab_envs.catch:Catch", "reward_threshold": 0.99},
    "lab/Grid-v0": {"entry_point": "lab_envs.grid:Grid", "max_episode_steps": 100},
    "lab/MountainCar-v0": {
        "entry_point": f"{_CLASSIC}.mountain_car:MountainCarEnv",
        "vector_entry_point": "lab_envs.mountain_car:MountainCarVectorEnv",
        "max_episode_steps": 200,
        "reward_threshold": -110.0,
    },
    "lab/Acrobot-v1": {
        "entry_point": f"{_CLASSIC}.acrobot:AcrobotEnv",
        "vector_entry_point": "lab_envs.acrobot:AcrobotVectorEnv",
        "max_episode_steps": 500,
        "reward_threshold": -100.0,
    },
}

for _id, _spec in _SPECS.items():
    if _id not in gym.registry:  # Gymnasium warns when an id is registered twice
        gym.register(_id, **_spec)
