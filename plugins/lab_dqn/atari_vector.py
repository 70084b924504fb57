"""Train in ALE's own vector environment: it steps and preprocesses all games at once, in C++.

Its frames, rewards and lives are those of the wrappers in atari.py. Three things differ: it presses
FIRE at the start of a game alone, its state cannot be saved, and before a game's first frame it
stacks black ones, which are replaced here.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from lab import UsageError
from lab.environments import VectorMaker
from lab_dqn.config import AgentConfig

Array = np.ndarray[Any, np.dtype[Any]]
FRAME_SKIP = 4  # frames of a step


class RepeatFirstFrame(VectorWrapper[Any, Any, Any]):
    """Repeat a game's first frame in the place of those before it, as Gymnasium's
    `FrameStackObservation` does. A stack of one is a frame. SAME_STEP mode only."""

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        space = env.single_observation_space
        assert isinstance(space, gym.spaces.Box)
        self.stack = space.shape[0]
        if self.stack == 1:
            self.single_observation_space = gym.spaces.Box(0, 255, space.shape[1:], np.uint8)
            self.observation_space = gym.vector.utils.batch_space(
                self.single_observation_space, self.num_envs
            )
        self.age = np.zeros(self.num_envs, np.int64)  # steps since a game's start [N]

    def reset(self, **options: Any) -> tuple[Array, dict[str, Any]]:
        obs, info = self.env.reset(**options)
        self.age[:] = 0
        return self._filled(obs), info

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(actions)
        self.age += 1
        if "final_obs" in info:
            info["final_obs"] = self._filled(info["final_obs"])
        self.age[terminated | truncated] = 0
        return self._filled(obs), reward, terminated, truncated, info

    def _filled(self, obs: Array) -> Array:
        """Return stacks [N, k, ...] whose missing frames are the first; frames if k is 1."""
        for index in np.flatnonzero(self.age < self.stack - 1):
            first = self.stack - 1 - self.age[index]
            obs[index, :first] = obs[index, first]
        return obs[:, 0] if self.stack == 1 else obs


def vector_maker(config: AgentConfig) -> VectorMaker | None:
    """Return what makes the games to train in; None where they are stepped one by one."""
    return partial(_make, config) if config.atari_vector else None


def _make(config: AgentConfig, num_envs: int, time_limit: int | None) -> VectorEnv[Any, Any, Any]:
    options: dict[str, Any] = {
        **config.env_args,
        "stack_num": config.frame_stack,
        "frameskip": FRAME_SKIP,
        "noop_max": config.noop_max,
        "use_fire_reset": config.fire_reset,
        "reward_clipping": False,  # returns are raw; what is learned from is clipped by the agent
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }
    if config.sticky_actions is not None:
        options["repeat_action_probability"] = config.sticky_actions
    if time_limit is not None:
        options["max_num_frames_per_episode"] = FRAME_SKIP * time_limit
    env_id = config.env.rpartition(":")[2]
    try:
        env = gym.make_vec(env_id, num_envs, "vector_entry_point", **options)
    except (TypeError, gym.error.Error) as error:
        raise UsageError(
            f"--atari-vector: {config.env} cannot be made as one of ALE's vector environments: "
            f"{error}"
        ) from error
    return RepeatFirstFrame(env)
