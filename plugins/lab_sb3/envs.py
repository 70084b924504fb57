"""Let stable-baselines3 step the environments of the runner."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import Space, spaces
from stable_baselines3.common.vec_env import VecEnv

import lab


class LentEnvs(VecEnv):
    """A VecEnv over `lab.Envs`, made on first use. Its episodes go on over calls of `reset`: the
    lab's environments are always ready for an action.

    ended: gets the returns and lengths of the episodes that ended in a step.
    """

    def __init__(
        self,
        observation_space: Space[Any],
        action_space: Space[Any],
        num_envs: int,
        make: Callable[[], lab.Envs],
        ended: Callable[[Sequence[float], Sequence[int]], None],
    ) -> None:
        self._make, self._ended = make, ended
        self.render_mode = None
        super().__init__(num_envs, observation_space, action_space)

    @cached_property
    def envs(self) -> lab.Envs:
        return self._make()

    def reset(self) -> Any:
        """Return the observations to act from."""
        return self.envs.obs

    def step_async(self, actions: Any) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[Any, Any, Any, list[dict[str, Any]]]:
        step = self.envs.step(self._actions)
        done = step.terminated | step.truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(done).tolist():
            infos[i] = {
                "terminal_observation": _row(step.next_obs, i),
                "TimeLimit.truncated": bool(step.truncated[i] and not step.terminated[i]),
            }
        self._ended(step.returns.tolist(), step.lengths.tolist())
        return self.envs.obs, step.reward.astype(np.float32), done, infos

    def close(self) -> None:
        """Nothing to do: the runner closes its environments."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self, attr_name, None)] * self._number(indices)

    def action_masks(self) -> list[Any]:
        """Return which actions each environment allows [P], as sb3-contrib asks for it; all of
        them, where it says nothing. Raises LabError for a mask of another shape."""
        alternatives = _alternatives(self.action_space)
        masks = self.envs.action_mask
        if masks is None:
            masks = np.ones((self.num_envs, alternatives), bool)
        if masks.shape[1:] != (alternatives,):
            raise lab.LabError(
                f"an action_mask of shape {masks.shape[1:]} does not fit the {alternatives} "
                "alternatives that there are: it has one entry for each"
            )
        return list(masks)

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError("the environments are the runner's")

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        if method_name == "action_masks":
            return self.action_masks()
        raise NotImplementedError("the environments are the runner's")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False] * self._number(indices)

    def _number(self, indices: Any) -> int:
        return len(list(self._get_indices(indices)))


def _alternatives(space: Any) -> int:
    """Return how many alternatives a mask tells of, those of one choice after another."""
    if isinstance(space, spaces.MultiBinary):
        return 2 * math.prod(space.shape)
    return int(np.sum(space.n if isinstance(space, spaces.Discrete) else space.nvec))


def _row(obs: Any, index: int) -> Any:
    if isinstance(obs, dict):
        return {name: part[index] for name, part in obs.items()}
    return obs[index]
