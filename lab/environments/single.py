"""Step one environment as a vector of one, without what SyncVectorEnv does for several."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

PLAIN = (Box, Discrete, MultiBinary, MultiDiscrete)  # spaces of arrays


class SingleEnv(SyncVectorEnv):
    """A vector environment of one, in SAME_STEP mode, whose spaces are of arrays: `step` returns
    what SyncVectorEnv's does, in half the time. The arrays are its own, as there without `copy`."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__([lambda: env], copy=False, autoreset_mode=AutoresetMode.SAME_STEP)
        self.env = env
        self._shape = self.single_observation_space.shape
        self._dtype = self.single_observation_space.dtype

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(actions[0])
        infos: dict[str, Any] = {}
        if terminated or truncated:
            infos = self._add_info(infos, {"final_obs": obs, "final_info": info}, 0)
            obs, info = self.env.reset()
        if info:
            infos = self._add_info(infos, info, 0)
        self._rewards[0], self._terminations[0], self._truncations[0] = (
            reward,
            terminated,
            truncated,
        )
        return self._row(obs), self._rewards, self._terminations, self._truncations, infos

    def _row(self, obs: Any) -> Any:
        """Return a copy of an observation, [1, ...]."""
        row = np.array(obs, self._dtype)
        if row.shape != self._shape:
            raise ValueError(
                f"an observation of shape {row.shape}, where its space has {self._shape}"
            )
        return row[None]


def is_plain(env: gym.Env[Any, Any]) -> bool:
    """Tell whether SingleEnv can step an environment."""
    return isinstance(env.observation_space, PLAIN) and isinstance(env.action_space, PLAIN)
