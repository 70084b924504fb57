"""Know what one environment allows at present."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from lab.environments.envs import Array, allowed


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


class TellsMask(gym.Wrapper[Any, Any, Any, Any]):
    """Put into the info what the environment's method `action_masks()` allows, as sb3-contrib asks
    for it."""

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(**kwargs)
        return obs, self._told(info)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        return obs, reward, terminated, truncated, self._told(info)

    def _told(self, info: dict[str, Any]) -> dict[str, Any]:
        return {**info, "action_mask": np.asarray(self.env.get_wrapper_attr("action_masks")())}


def tell_mask(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
    """Let an environment's info say what its method `action_masks()` allows, where it has one."""
    return TellsMask(env) if env.has_wrapper_attr("action_masks") else env
