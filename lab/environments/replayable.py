"""Save any single environment as a seed and the actions since: restored by replaying them."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np

from lab.compute.rng import derive_seed


class Replayable(gym.Wrapper[Any, Any, Any, Any]):
    """Give each episode a seed of its own, and remember its actions.

    It is the outermost wrapper. Whatever the environment draws or keeps within an episode follows
    from the episode's seed and its actions, so these two are all of its state. What it keeps from
    one episode to the next (running normalization, a curriculum) is beyond this: `is_exact` tells.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self._stream = 0
        self._episode = -1
        self._actions: list[Any] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin the next episode of the stream; a `seed` begins a new stream."""
        if seed is not None:
            self._stream, self._episode = seed, -1
        self._episode += 1
        self._actions = []
        return self.env.reset(seed=derive_seed(self._stream, self._episode), options=options)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        self._actions.append(action.copy() if isinstance(action, np.ndarray) else action)
        obs, reward, terminated, truncated, info = self.env.step(action)
        if terminated or truncated:
            obs = deepcopy(obs)  # the reset that follows may write into the same array
        return obs, reward, terminated, truncated, info

    def state_dict(self) -> dict[str, Any]:
        return {
            "stream": self._stream,
            "episode": self._episode,
            "actions": np.asarray(self._actions),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Return to the saved moment by playing the episode again up to it."""
        self._stream, self._episode = state["stream"], state["episode"] - 1
        self.reset()
        for action in state["actions"]:
            self.step(action)
