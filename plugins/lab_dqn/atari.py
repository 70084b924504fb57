"""Play Atari's games as the field does; each part of the protocol is an option of its own.

Mnih et al. (2015), methods; Machado et al., "Revisiting the arcade learning environment" (2018).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import AtariPreprocessing

from lab_dqn.config import AgentConfig

Array = np.ndarray[Any, np.dtype[Any]]
Wrapper = Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]
FIRE = 1  # its action in every game that has one: there it stands behind NOOP


class FireReset(gym.Wrapper[Any, Any, Any, Any]):
    """Press FIRE where a game waits for it: at its start, and after each life that is lost. Games
    without that button are left alone."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        meanings: list[str] = getattr(env.unwrapped, "get_action_meanings", list)()
        self.fires = meanings[FIRE : FIRE + 1] == ["FIRE"]
        self.lives = 0

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(**options)
        if self.fires:
            obs, _, terminated, truncated, info = self.env.step(FIRE)
            if terminated or truncated:
                obs, info = self.env.reset(**options)
        self.lives = info.get("lives", 0)
        return obs, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        lost, self.lives = info.get("lives", 0) < self.lives, info.get("lives", 0)
        if self.fires and lost and not (terminated or truncated):
            obs, more, terminated, truncated, info = self.env.step(FIRE)
            reward = float(reward) + float(more)
        return obs, reward, terminated, truncated, info


class Lives:
    """Tell which of N environments lost a life in a step, of what their `info` says."""

    def __init__(self, number: int) -> None:
        self.left = np.zeros(number, np.int64)

    def lost(self, info: Mapping[str, Any]) -> Array:
        """Return whether a life was lost [N] since the last step."""
        lives = np.asarray(info.get("lives", self.left), np.int64)
        lost = lives < self.left
        self.left = lives.copy()
        return lost


def wrappers(config: AgentConfig) -> list[Wrapper]:
    """Return the wrappers of a game, innermost first."""
    chosen = list[Wrapper]()
    if config.atari:
        chosen.append(partial(AtariPreprocessing, noop_max=config.noop_max))
    if config.fire_reset:
        chosen.append(FireReset)
    return chosen


def env_args(config: AgentConfig) -> dict[str, Any]:
    """Return arguments of `gymnasium.make`. Preprocessing does its own frame skip."""
    skip = {"frameskip": 1} if config.atari else {}
    sticky = config.sticky_actions
    return skip if sticky is None else {**skip, "repeat_action_probability": sticky}
