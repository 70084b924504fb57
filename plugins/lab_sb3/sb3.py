"""Drive stable-baselines3's own loop one rollout at a time.

Raffin et al., "Stable-Baselines3: Reliable Reinforcement Learning Implementations", JMLR 22 (2021).
Everything that its loop keeps between two rollouts is saved and restored, so that a resumed run is
the uninterrupted one.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.utils import LinearSchedule

import lab
from lab.environments import Wrapper, count_from_zero, fitted, flatten_parts, starts
from lab.outputs import check_folder
from lab_sb3 import replay
from lab_sb3.config import ARGUMENTS, Config, Export
from lab_sb3.envs import LentEnvs
from lab_sb3.spaces import check_taken, from_plain, is_picture, is_taken, to_plain

ON_POLICY = ("ppo", "a2c")
# Plain attributes that its loop carries from one rollout to the next. Not `_last_episode_starts`:
# what a rollout's first row says of the step before it enters no return.
COUNTERS = (
    "num_timesteps",
    "_total_timesteps",
    "_episode_num",
    "_n_updates",
    "_n_calls",
    "exploration_rate",
)


class SB3:
    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        facts = ctx.run_constant("spaces", self.look)
        self.observation_space = from_plain(facts["observation"])
        self.action_space = from_plain(facts["action"])
        # where the environment itself begins to count: here observations and actions begin with 0
        # what is between the environment and the policy, in words
        self.worn = [*(f"--wrap {name}" for name in config.wrap), *facts["fitted"]]
        self.first_observation, self.first_action = map(np.asarray, facts["starts"])
        self.vec_env = LentEnvs(
            self.observation_space, self.action_space, config.n_envs, self.make_envs, self.ended
        )
        self.model = self.build()
        self.model.action_space.seed(int(ctx.rng.integers(2**31)))
        ctx.wrap(self.model.policy, compile=False)
        self.begun = False
        self.tell_of_rollouts()

    # -- the algorithm is theirs

    def step(self) -> int:
        """Collect one rollout and learn from it."""
        self.begin()
        model: Any = self.model
        before = model.num_timesteps
        model._last_obs = model.env.reset()  # after a resume the episodes may have begun anew
        if self.config.algo in ON_POLICY:
            model.collect_rollouts(
                model.env, self.callback, model.rollout_buffer, n_rollout_steps=model.n_steps
            )
            model._update_current_progress_remaining(model.num_timesteps, self.horizon())
            model.train()
        else:
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
        self.report()
        return int(model.num_timesteps - before)

    def begin(self) -> None:
        """Do once what `learn` does before its loop."""
        if not self.begun:
            self.begun = True
            _, self.callback = self.model._setup_learn(self.ctx.budget)

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

    # -- building

    def look(self) -> dict[str, Any]:
        """Return the spaces of the environment, and where they begin to count, as plain data.
        Raises UsageError where the algorithm does not take them."""
        env = self.ctx.look_at_env(self.config.env, wrappers=self.wrappers(), **self.env_args())
        check_taken(self.config.env, self.config.algo, env.observation_space, env.action_space)
        return {
            "observation": to_plain(env.observation_space),
            "action": to_plain(env.action_space),
            "starts": list(starts(env)),
            "fitted": list(fitted(env)),
        }

    def build(self) -> Any:
        """Construct the algorithm. Raises UsageError for spaces or options it does not take."""
        algorithm = getattr(stable_baselines3, self.config.algo.upper())
        arguments = self.arguments(algorithm)
        self.check_buffer(algorithm, arguments)
        try:
            model = algorithm(
                self.policy(),
                self.vec_env,
                device=self.ctx.device,
                policy_kwargs=self.network(),
                **arguments,
            )
        except (AssertionError, ValueError, TypeError) as error:
            raise lab.UsageError(f"{self.config.algo} on {self.config.env}: {error}") from error
        model.set_logger(Logger(folder=None, output_formats=[]))
        return model

    def check_buffer(self, algorithm: Any, arguments: Mapping[str, Any]) -> None:
        """Raise UsageError where the replay buffer has no room in main memory."""
        needed = replay.bytes_needed(algorithm, arguments, self.observation_space)
        if needed:
            what = f"--buffer-size {replay.size_of(algorithm, arguments):,}"
            advice, cpu = "Give less, or --wrap what shows less.", torch.device("cpu")
            self.ctx.check_room(needed, what, advice, cpu)

    def tell_of_rollouts(self) -> None:
        """Say where the run will be longer than its budget: rollouts are not cut."""
        steps = getattr(self.model, "n_steps", 0) * self.config.n_envs
        if self.config.algo in ON_POLICY and steps > self.ctx.budget:
            self.ctx.warn(
                f"--budget {self.ctx.budget:,}: a rollout of {self.config.algo} is {steps:,} env "
                "steps, and one is played whole. --n-steps or --n-envs shortens it."
            )

    def policy(self) -> str:
        if self.config.policy != "auto":
            return self.config.policy
        if isinstance(self.observation_space, gym.spaces.Dict):
            return "MultiInputPolicy"
        return "CnnPolicy" if is_picture(self.observation_space) else "MlpPolicy"

    def network(self) -> dict[str, Any] | None:
        return None if self.config.hidden is None else {"net_arch": list(self.config.hidden)}

    def arguments(self, algorithm: type[BaseAlgorithm]) -> dict[str, Any]:
        """Return the arguments of the options.

        Raises UsageError that names every option which this algorithm does not have.
        """
        values = {name: getattr(self.config, name) for name in ARGUMENTS}
        options = {name: value for name, value in values.items() if value is not None}
        taken = inspect.signature(algorithm).parameters
        foreign = [
            f"--{name.replace('_', '-')}" for name in options if ARGUMENTS[name] not in taken
        ]
        foreign += [f"--args {name}=..." for name in self.config.args if name not in taken]
        if foreign:
            raise lab.UsageError(f"{self.config.algo} has no {', '.join(foreign)}.")
        if self.config.linear:
            for name in {"lr", "clip_range"} & set(options):
                options[name] = LinearSchedule(options[name], 0.0, 1.0)
        if "noise" in options:
            shape = self.action_space.shape or ()
            options["noise"] = NormalActionNoise(np.zeros(shape), np.full(shape, options["noise"]))
        return {ARGUMENTS[name]: value for name, value in options.items()} | self.config.args

    def make_envs(self, train: bool = True) -> lab.Envs:
        number = self.config.n_envs if train else self.config.eval_episodes
        # one by one: a native vector environment has ticks that are no transitions
        return self.ctx.make_envs(
            self.config.env,
            number,
            train=train,
            native=False,
            wrappers=self.wrappers(),
            time_limit=self.config.max_episode_steps,
            **self.env_args(),
        )

    def env_args(self) -> dict[str, Any]:
        return dict(self.config.env_args)

    def wrappers(self) -> list[Wrapper]:
        """Return the wrappers, innermost first: the person's, and those that fit the spaces."""
        return [
            *self.config.wrappers(),
            lambda env: flatten_parts(env, is_taken),
            count_from_zero,
        ]

    @cached_property
    def eval_envs(self) -> lab.Envs:
        return self.make_envs(train=False)

    # -- using the trained policy

    def predict(self, observations: Any) -> Any:
        """Return the deterministic actions [B, ...], as the environment takes them, for
        observations [B, ...] as it gives them, in the wrappers of `--wrap`; of a space with names a
        mapping of such arrays, where parts that were flattened are flat."""
        space = self.observation_space
        if isinstance(space, gym.spaces.Dict):
            observations = {n: np.asarray(observations[n], part.dtype) for n, part in space.items()}
        else:
            observations = np.asarray(observations, space.dtype) - self.first_observation
        return self.act(observations) + self.first_action

    def act(self, observations: Any) -> Any:
        """Return the deterministic actions [B, ...] for observations [B, ...], both from 0."""
        return self.model.predict(observations, deterministic=True)[0]

    def example(self, number: int) -> Any:
        """Return observations [number, ...] that `predict` takes: drawn from their space."""
        space = copy.deepcopy(self.observation_space)
        space.seed(int(self.ctx.rng.integers(2**31)))
        return np.stack([space.sample() for _ in range(number)]) + self.first_observation

    def evaluate(self, split: str) -> Mapping[str, float]:
        """Play deterministic episodes."""
        number = self.config.test_episodes if split == "test" else self.config.eval_episodes
        seed = int(self.ctx.rng.integers(2**31))
        return lab.play_episodes(self.eval_envs, self.act, number, seed=seed).metrics(split)

    def play_command(self, options: lab.Play) -> lab.Clip:
        """Return a deterministic episode as a clip."""
        limit = self.config.max_episode_steps
        env = self.ctx.make_env(
            self.config.env,
            wrappers=self.wrappers(),
            time_limit=limit,
            render_mode="rgb_array",
            **self.env_args(),
        )
        seed = int(self.ctx.rng.integers(2**31))
        return lab.record_episode(env, self.act, seed, options)

    def export_command(self, options: Export) -> Path:
        """Write the model as plain stable-baselines3 loads it: `PPO.load(path)`.

        Raises UsageError where there is a file already, or no folder, and where what is loaded
        would not play in the environment as it is.
        """
        if self.worn and not options.policy_alone:
            raise lab.UsageError(
                f"The policy plays in an environment that is changed ({', '.join(self.worn)}), and "
                "PPO.load and the like know nothing of that. --policy-alone writes it, for who "
                "wraps theirs alike."
            )
        path = options.out or self.ctx.dir / "sb3.zip"
        if path.suffix != ".zip":
            path = path.with_name(f"{path.name}.zip")
        check_folder("--out", path)
        if path.exists():
            raise lab.UsageError(f"--out {path} exists, and is left as it is.")
        self.model.save(path)
        return path

    # -- state

    def state_dict(self) -> dict[str, Any]:
        model = self.model
        parameters = model.get_parameters()
        state = {
            "model": parameters.pop("policy"),
            "parameters": parameters,
            "begun": self.begun,
            "counters": {name: getattr(model, name) for name in COUNTERS if hasattr(model, name)},
            "variables": {name: getattr(model, name).detach() for name in self.variables()},
            "actions": lab.to_plain(model.action_space.np_random.bit_generator.state),
        }
        if getattr(model, "replay_buffer", None) is not None:
            state["replay"] = replay.state_dict(model.replay_buffer)
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        model = self.model
        model.policy.load_state_dict(state["model"])
        if "parameters" not in state:
            return
        self.begun = False
        if state["begun"]:  # before its first step there is nothing to count to
            self.begin()
        parameters = copy.deepcopy(dict(state["parameters"]))  # an optimizer keeps what it gets
        model.set_parameters({**parameters, "policy": state["model"]})
        for name, value in state["counters"].items():
            setattr(model, name, value)
        for name, value in state["variables"].items():
            getattr(model, name).data.copy_(value)
        model.action_space.np_random.bit_generator.state = lab.from_plain(state["actions"])
        if "replay" in state:
            replay.load_state_dict(model.replay_buffer, state["replay"])

    def variables(self) -> list[str]:
        """Names of tensors outside the networks: SAC's entropy coefficient."""
        _, names = self.model._get_torch_save_params()
        return [name for name in names if isinstance(getattr(self.model, name), torch.Tensor)]
