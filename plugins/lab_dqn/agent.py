"""Act by Q-values: explore in training, be greedy elsewhere. What DQN and PQN have in common."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import lab
from lab.capabilities import Export
from lab.environments import as_observations
from lab.nn.export import export
from lab_dqn.acting import Array, Q
from lab_dqn.atari import Lives
from lab_dqn.atari_vector import vector_maker
from lab_dqn.config import AgentConfig
from lab_dqn.exploration import Exploration, nearly_greedy
from lab_dqn.exported import Exported
from lab_dqn.task import Task, describe, env_args, wrappers


class Agent:
    """What acts by the Q-values that a subclass learns. Shapes: N environments, B observations, A
    actions, stacks of k frames."""

    config: AgentConfig
    q: Q  # what gives Q-values [B, A] of observations [B, ...] as the environment gives them

    def __init__(self, config: AgentConfig, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.task = Task(*ctx.run_constant("task", lambda: tuple(describe(config, ctx))))
        self.lives = Lives(config.n_envs)
        self.exploration = Exploration(config.n_envs, self.task.actions, config.temporally_extended)

    def averaged(self) -> AbstractContextManager[None]:
        """Swap in the weights that are evaluated, where they are not those that learn."""
        return nullcontext()

    # -- exploration

    def epsilon(self, clock: int) -> float:
        """Return the probability of a random action: linear from start to end, then constant."""
        c = self.config
        done = self.ctx.progress("epsilon", c.exploration_fraction, clock)
        return (1.0 - done) * c.epsilon_start + done * c.epsilon_end

    def act(self, obs: Array, epsilon: float) -> Array:
        """Choose actions [N]: random ones where it explores, greedy ones elsewhere."""
        explore, action = self.exploration.draw(self.ctx.rng, epsilon)
        if explore.all():
            return action
        return np.where(explore, action, self.q(obs).argmax(1))

    # -- environments, made on first use: a trained run predicts without them

    @cached_property
    def envs(self) -> lab.Envs:
        return self.make_envs(self.config.n_envs, train=True)

    @cached_property
    def eval_envs(self) -> lab.Envs:
        return self.make_envs(self.config.eval_episodes, train=False)

    def make_envs(self, number: int, train: bool) -> lab.Envs:
        return self.ctx.make_envs(
            self.config.env,
            number,
            train=train,
            wrappers=wrappers(self.config),
            vector=vector_maker(self.config) if train else None,
            time_limit=self.config.max_episode_steps,
            **env_args(self.config),
        )

    def as_learned(self, step: lab.Step) -> lab.Step:
        """Return a step with the rewards and ends that are learned from: where it is asked for,
        rewards' signs, and an end where a life is lost."""
        if self.config.terminal_on_life_loss:
            step = step._replace(terminated=step.terminated | self.lives.lost(step.info))
        if self.config.clip_reward:
            step = step._replace(reward=np.sign(step.reward))
        return step

    def log_episodes(self, step: lab.Step) -> None:
        """Log the episodes that ended in a step."""
        for value, length in zip(step.returns, step.lengths, strict=True):
            self.ctx.log("return", float(value))
            self.ctx.log("length", int(length))

    # -- using what was learned

    def predict(self, observations: Any) -> Array:
        """Return the greedy actions [B], as the environment takes them, for observations [B, ...],
        as it gives them in the wrappers of `--wrap`; of a Dict or Tuple the vectors of
        `gymnasium.spaces.flatten`. Raises UsageError for what can be none of the
        environment."""
        task = self.task
        obs = as_observations(
            observations, task.shape, states=task.states, first_state=task.first_state
        )
        with self.averaged():
            actions: Array = self.q(obs - self.task.first_state).argmax(1)
        return actions + self.task.first_action

    def example(self, number: int) -> Array:
        """Return observations [number, ...] that `predict` takes: drawn from their space."""
        space = self.eval_envs.vector.single_observation_space
        space.seed(int(self.ctx.rng.integers(2**31)))
        return np.stack([space.sample() for _ in range(number)]) + self.task.first_state

    def evaluate(self, split: str) -> Mapping[str, float]:
        """Play greedy episodes, and compare the predicted Q of their first states with the
        discounted return that followed."""
        number = self.config.test_episodes if split == "test" else self.config.eval_episodes
        envs, seed = self.eval_envs, int(self.ctx.rng.integers(2**31))
        with self.averaged():
            q_start = self.q(envs.reset(seed)).max(1)  # [N]
            act = nearly_greedy(self.q, self.config.eval_epsilon, np.random.default_rng(seed))
            played = lab.play_episodes(envs, act, number, seed=seed, gamma=self.config.gamma)
        return {
            **played.metrics(split),
            "q_start": float(q_start.mean()),
            "discounted_return": float(played.discounted[: len(q_start)].mean()),
        }

    def export_command(self, options: Export) -> Path:
        """Write the network for other software: see `Exported`."""
        with self.averaged():
            return export(self.exported(), options, self.ctx.dir)

    def exported(self) -> Exported:
        """Return the model that stands alone."""
        raise NotImplementedError

    def play_command(self, options: lab.Play) -> lab.Clip:
        """Return a greedy episode as a clip."""
        env = self.ctx.make_env(
            self.config.env,
            wrappers=wrappers(self.config),
            time_limit=self.config.max_episode_steps,
            render_mode="rgb_array",
            **env_args(self.config),
        )
        seed = int(self.ctx.rng.integers(2**31))
        with self.averaged():
            return lab.record_episode(
                env, lambda obs: int(self.q(np.asarray(obs)[None]).argmax()), seed, options
            )

    # -- state

    def acting_state(self) -> dict[str, Any]:
        """Return the part of a checkpoint that acting needs, beside the environments."""
        return {
            "exploration": self.exploration.state_dict(),
            "lives": self.lives.left.tolist(),
        }

    def load_acting_state(self, state: Mapping[str, Any]) -> None:
        self.exploration.load_state_dict(state["exploration"])
        self.lives.left = np.array(state["lives"], np.int64)
