"""Drive stable-baselines3's own loop one rollout at a time.

Raffin et al., "Stable-Baselines3: Reliable Reinforcement Learning Implementations", JMLR 22 (2021).
Everything that its loop keeps between two rollouts is saved and restored, so that a resumed run is
the uninterrupted one.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import lab
from lab.environments.masks import Masked
from lab_sb3 import normalization, state
from lab_sb3.algorithms import ALGORITHMS
from lab_sb3.build import build
from lab_sb3.config import Config, Export
from lab_sb3.envs import LentEnvs
from lab_sb3.export import export
from lab_sb3.player import Player
from lab_sb3.spaces import from_plain
from lab_sb3.task import describe, make_envs, make_shown


class SB3:
    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.algorithm = ALGORITHMS[config.algo]
        facts = ctx.run_constant("spaces", lambda: describe(config, ctx))
        self.observation_space = from_plain(facts["observation"])
        self.action_space = from_plain(facts["action"])
        # what is between the environment and the policy, in words
        self.wrapped = [*(f"--wrap {name}" for name in config.wrap), *facts["fitted"]]
        # where the environment itself begins to count: here observations and actions begin with 0
        self.first_observation, self.first_action = map(np.asarray, facts["starts"])
        space = self.observation_space
        self.vec_env = LentEnvs(
            normalization.stored(space) if config.normalize_obs else space,
            self.action_space,
            config.n_envs,
            lambda: make_envs(config, ctx, train=True),
            self.ended,
        )
        self.model = build(config, ctx, self.vec_env)
        self.model.action_space.seed(int(ctx.rng.integers(2**31)))
        ctx.wrap(self.model.policy, compile=False)
        self.begun = False
        self.tell_of_rollouts()

    # -- the algorithm is theirs

    def step(self) -> int:
        """Collect experience and learn from it, as one pass of its own loop does."""
        self.begin()
        before = self.model.num_timesteps
        loops = {"rollout": self.rollout, "replay": self.replay, "population": self.population}
        loops[self.algorithm.loop]()
        self.report()
        return int(self.model.num_timesteps - before)

    def rollout(self) -> None:
        """Learn from one rollout, and forget it."""
        model = self.model
        self.look_again()
        model.collect_rollouts(
            model.env, self.callback, model.rollout_buffer, n_rollout_steps=model.n_steps
        )
        model._update_current_progress_remaining(model.num_timesteps, self.horizon())
        model.train()

    def replay(self) -> None:
        """Remember some steps, and learn from what is remembered."""
        model = self.model
        self.look_again()
        model._total_timesteps = self.horizon()
        rollout = model.collect_rollouts(
            model.env,
            train_freq=model.train_freq,
            action_noise=model.action_noise,
            callback=self.callback,
            learning_starts=model.learning_starts,
            replay_buffer=model.replay_buffer,
            log_interval=None,
        )
        if model.num_timesteps > model.learning_starts:
            steps = model.gradient_steps
            steps = steps if steps >= 0 else rollout.episode_timesteps
            if steps > 0:
                model.train(batch_size=model.batch_size, gradient_steps=steps)

    def population(self) -> None:
        """Play episodes with each policy of a population, and move towards the better ones."""
        model = self.model
        model._update_current_progress_remaining(model.num_timesteps, self.horizon())
        model._do_one_update(self.callback, None)

    def begin(self) -> None:
        """Do once what `learn` does before its loop."""
        if not self.begun:
            self.begun = True
            _, self.callback = self.model._setup_learn(self.ctx.budget)

    def look_again(self) -> None:
        """Show the algorithm where the episodes stand: after a resume they may have begun anew."""
        model, normalize = self.model, self.model.get_vec_normalize_env()
        with normalization.standing_still(normalize):
            model._last_obs = model.env.reset()
        if normalize is not None:
            model._last_original_obs = normalize.get_original_obs()

    def horizon(self) -> float:
        """Return the budget that learning rate, clipping and exploration go by."""
        return self.ctx.schedules.horizon("lr and exploration", self.model.num_timesteps)

    def report(self) -> None:
        """Log what the algorithm recorded. Nothing goes through its loggers."""
        recorded = self.model.logger.name_to_value
        for path, value in recorded.items():
            name = path.rpartition("/")[2]
            unknown = name == "explained_variance" and not math.isfinite(value)  # of no variance
            if value is not None and not unknown:
                self.ctx.log(name, float(value))
        recorded.clear()

    def ended(self, returns: Sequence[float], lengths: Sequence[int]) -> None:
        for value, length in zip(returns, lengths, strict=True):
            self.ctx.log("return", value)
            self.ctx.log("length", length)

    def tell_of_rollouts(self) -> None:
        """Say where the run will be longer than its budget: rollouts are not cut."""
        steps = getattr(self.model, "n_steps", 0) * self.config.n_envs
        if self.algorithm.loop == "rollout" and steps > self.ctx.budget:
            self.ctx.warn(
                f"--budget {self.ctx.budget:,}: a rollout of {self.config.algo} is {steps:,} env "
                "steps, and one is played whole. --n-steps or --n-envs shortens it."
            )

    @cached_property
    def eval_envs(self) -> lab.Envs:
        return make_envs(self.config, self.ctx, train=False)

    # -- using the trained policy

    def predict(self, observations: Any, action_mask: Any = None) -> Any:
        """Return the deterministic actions [B, ...], as the environment takes them, for
        observations [B, ...] as it gives them, in the wrappers of `--wrap`; of a space with names a
        mapping of such arrays, where parts that were flattened are flat.

        A policy with an LSTM takes each for the first of an episode: `player()` goes on from one to
        the next. `action_mask` [B, P] is True where an action is allowed, for maskable-ppo.
        """
        space = self.observation_space
        if isinstance(space, gym.spaces.Dict):
            observations = {n: np.asarray(observations[n], part.dtype) for n, part in space.items()}
        else:
            observations = np.asarray(observations, space.dtype) - self.first_observation
        if action_mask is not None and not self.algorithm.masked:
            raise lab.UsageError(f"{self.config.algo} takes no action_mask: maskable-ppo does.")
        actions = self.player().act(observations, action_mask=action_mask)
        return actions + self.first_action

    def player(self) -> Player:
        """Return what acts step after step, and remembers what an LSTM has seen."""
        return Player(self.model)

    def example(self, number: int) -> Any:
        """Return observations [number, ...] that `predict` takes: drawn from their space."""
        space = copy.deepcopy(self.observation_space)
        space.seed(int(self.ctx.rng.integers(2**31)))
        drawn = [space.sample() for _ in range(number)]
        if isinstance(space, gym.spaces.Dict):
            return {key: np.stack([sample[key] for sample in drawn]) for key in drawn[0]}
        return np.stack(drawn) + self.first_observation

    def evaluate(self, split: str) -> Mapping[str, float]:
        """Play deterministic episodes."""
        number = self.config.test_episodes if split == "test" else self.config.eval_episodes
        seed = int(self.ctx.rng.integers(2**31))
        envs, player = self.eval_envs, self.player()

        def act(obs: Any) -> Any:
            return player.act(obs, envs.episode_starts, self.masks_of(envs))

        return lab.play_episodes(envs, act, number, seed=seed).metrics(split)

    def play_command(self, options: lab.Play) -> lab.Clip:
        """Return a deterministic episode as a clip."""
        env = make_shown(self.config, self.ctx)
        seed, player = int(self.ctx.rng.integers(2**31)), self.player()

        def act(obs: Any) -> Any:
            action = player.act(obs, action_mask=self.masks_of(env))
            return action[()]  # of no axes: a number, as environments expect

        return lab.record_episode(env, act, seed, options)

    def masks_of(self, envs: lab.Envs | Masked) -> Any:
        """Return which actions environments allow, where the algorithm asks for that."""
        return envs.action_mask if self.algorithm.masked else None

    def export_command(self, options: Export) -> Path:
        """Write the model as plain stable-baselines3 loads it: `PPO.load(path)`."""
        return export(self.model, self.wrapped, options, self.ctx.dir)

    # -- state

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": state.policy_state(self.model),
            "begun": self.begun,
            **state.loop_state(self.model),
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        if "parameters" not in saved:  # best.pt: enough to predict
            state.load_policy_state(self.model, saved["model"])
            return
        self.begun = False
        if saved["begun"]:  # before its first step there is nothing to count to
            self.begin()
        state.load_policy_state(self.model, saved["model"])
        restarted = self.begun and not self.vec_env.envs.exact
        state.load_loop_state(self.model, saved, restarted=restarted)
