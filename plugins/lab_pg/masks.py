"""Know what one environment allows at present."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from lab.environments.envs import allowed
from lab_pg.advantages import Array


class Masked(gym.Wrapper[Any, Any, Any, Any]):
    """An environment that keeps which actions its info allows: `action_mask` [1, ...], or None."""

    action_mask: Array | None = None

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(**kwargs)
        self._keep(info)
        return obs, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        self._keep(info)
        return obs, reward, terminated, truncated, info

    def _keep(self, info: dict[str, Any]) -> None:
        given = info.get("action_mask")
        self.action_mask = None if given is None else allowed({"action_mask": np.array([given])})
