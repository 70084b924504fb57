"""Use a policy: evaluate it, show an episode, predict."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

import lab
from lab.environments import as_observations
from lab.environments.masks import Masked
from lab_pg.advantages import Array
from lab_pg.config import Config
from lab_pg.policy import Policy
from lab_pg.task import make_env, make_envs


class Player:
    """Act by the likeliest actions, with what training knows of observations."""

    def __init__(self, config: Config, ctx: lab.Context, policy: Policy) -> None:
        self.config, self.ctx, self.policy, self.task = config, ctx, policy, policy.task

    @cached_property
    def envs(self) -> lab.Envs:
        return make_envs(self.config, self.ctx, self.config.eval_episodes, train=False)

    def evaluate(self, split: str) -> Mapping[str, float]:
        """Play episodes, and return the metrics of a split."""
        number = self.config.test_episodes if split == "test" else self.config.eval_episodes
        envs = self.envs
        played = lab.play_episodes(
            envs, lambda obs: self.policy.best(obs, envs.action_mask), number, seed=self._seed()
        )
        return played.metrics(split)

    def clip(self, options: lab.Play) -> lab.Clip:
        """Return one episode as a clip."""
        env = Masked(make_env(self.config, self.ctx, render_mode="rgb_array"))
        return lab.record_episode(
            env,
            lambda obs: self.policy.best(np.asarray(obs)[None], env.action_mask)[0],
            self._seed(),
            options,
        )

    def predict(self, observations: Any, action_mask: Any) -> Array:
        """Return actions [B, ...] for observations [B, ...], both as the environment has them.
        Raises UsageError for what can be none of the environment."""
        task = self.task
        obs = as_observations(
            observations, task.frame, states=task.states, first_state=task.first_state
        )
        mask = None if action_mask is None else np.asarray(action_mask, bool)
        actions = self.policy.best(obs - self.task.first_state, mask)
        return np.asarray(actions + self.task.first_action)

    def example(self, number: int) -> Array:
        """Return observations [number, ...] drawn from their space."""
        space = self.envs.observation_space
        space.seed(self._seed())
        drawn = np.stack([space.sample() for _ in range(number)])
        return np.asarray(drawn + self.task.first_state)

    def _seed(self) -> int:
        return int(self.ctx.rng.integers(2**31))
