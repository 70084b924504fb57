"""Inspect an environment once: its observations, its actions, and its wrappers."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces

from lab import Context, Envs, UsageError
from lab.environments import Wrapper, count_from_zero, flatten_observation, starts
from lab.environments.pictures import channels_first, doubt, is_picture
from lab_pg.actions import Actions, Categorical, DiagonalGaussian
from lab_pg.config import Config

Array = np.ndarray[Any, np.dtype[Any]]

MOST_STATES = 4_000_000  # of a Discrete observation: the first layers have a row for each


class Task(NamedTuple):
    """What networks and actions are built from. Plain data, kept with the run."""

    kind: str  # vector, image (bytes or bits), or discrete (a number)
    frame: tuple[int, ...]  # shape of one observation
    states: int  # of a discrete observation, else 0
    choices: tuple[int, ...]  # alternatives of each discrete action; none where they are continuous
    shape: tuple[int, ...]  # of an action as the environment takes it
    dtype: str
    low: tuple[float, ...] = ()  # bounds of continuous actions
    high: tuple[float, ...] = ()
    first_state: Any = 0  # where the environment itself begins to count its observations
    first_action: Any = 0  # and its actions; here both begin with 0
    channels_first: bool = False  # of a picture, whose frame has three sizes
    white: int = 255  # the largest value of a picture

    @property
    def stored(self) -> np.dtype[Any]:
        """Return the type in which observations go to the device."""
        return np.dtype({"vector": "float32", "image": "uint8", "discrete": "int64"}[self.kind])

    def actions(self) -> Actions:
        """Return the distributions of actions [B, D]."""
        return Categorical(self.choices) if self.choices else DiagonalGaussian(len(self.low))

    def as_taken(self, action: Array) -> Array:
        """Return actions [N, D] as the environment takes them: within its bounds."""
        if not self.choices:
            action = np.clip(action, self.low, self.high)
        return action.reshape(len(action), *self.shape).astype(self.dtype)


def describe(config: Config, ctx: Context) -> Task:
    """Return the task. Raises UsageError where policy gradients cannot learn it."""
    env = ctx.look_at_env(config.env, wrappers=wrappers(config), **env_args(config))
    if config.algo == "reinforce" and config.max_episode_steps is None and not _ends(env):
        raise UsageError(
            f"--algo reinforce plays whole episodes, and --env {config.env} has no time limit: "
            "--max-episode-steps N sets one."
        )
    task = _seen(env.observation_space, config)._replace(**_taken(env.action_space, config))
    pictures = task.kind == "image" and config.channels is None
    if pictures and (said := doubt(task.frame, task.channels_first)):
        ctx.warn(f"--env {config.env} {said}")
    first_state, first_action = starts(env)
    return task._replace(first_state=first_state, first_action=first_action)


def _ends(env: Any) -> bool:
    return env.spec is not None and env.spec.max_episode_steps is not None


def _seen(space: spaces.Space[Any], config: Config) -> Task:
    """Return what there is to say of observations."""
    unknown: dict[str, Any] = {"choices": (), "shape": (), "dtype": ""}
    if config.normalize_obs and (is_picture(space) or isinstance(space, spaces.Discrete)):
        raise UsageError(f"--normalize-obs is for vectors; --env {config.env} shows {space}.")
    if isinstance(space, spaces.Discrete):
        if space.n > MOST_STATES:
            raise UsageError(
                f"--env {config.env} numbers {int(space.n):,} states; the network has a row for "
                f"each of up to {MOST_STATES:,}.\nShow what tells them apart, coordinates say, as "
                "a Box: --wrap module:MyWrapper."
            )
        return Task("discrete", (), int(space.n), **unknown)
    if not isinstance(space, spaces.Box):
        raise UsageError(
            f"--env {config.env}: policy gradients cannot learn from {space}. "
            "--wrap module:MyWrapper may make a Box of it."
        )
    frame = tuple(space.shape)
    if not is_picture(space):
        return Task("vector", frame, 0, **unknown)
    white = 1 if space.dtype == bool else 255
    first = channels_first(frame, config.channels)
    return Task("image", frame, 0, **unknown, channels_first=first, white=white)


def _taken(space: spaces.Space[Any], config: Config) -> dict[str, Any]:
    """Return what there is to say of actions."""
    fields: dict[str, Any] = {"shape": tuple(space.shape or ()), "dtype": str(space.dtype)}
    if isinstance(space, spaces.Discrete):
        return {**fields, "choices": (int(space.n),)}
    if isinstance(space, spaces.MultiDiscrete):
        return {**fields, "choices": tuple(space.nvec.ravel().tolist())}
    if isinstance(space, spaces.MultiBinary):
        return {**fields, "choices": (2,) * math.prod(fields["shape"])}
    if isinstance(space, spaces.Box) and np.issubdtype(space.dtype, np.floating):
        low, high = (tuple(bound.ravel().tolist()) for bound in (space.low, space.high))
        return {**fields, "low": low, "high": high}
    raise UsageError(
        f"--env {config.env}: policies here choose Discrete, MultiDiscrete, MultiBinary or float "
        f"Box actions, not {space}. --wrap module:MyWrapper may make one of them of it."
    )


def wrappers(config: Config) -> list[Wrapper]:
    """Return the wrappers, innermost first: the person's, and those that fit the spaces."""
    return [*config.wrappers(), flatten_observation, count_from_zero]


def env_args(config: Config) -> dict[str, Any]:
    """Return the arguments of `gymnasium.make`."""
    return dict(config.env_args)


def make_envs(config: Config, ctx: Context, number: int, train: bool) -> Envs:
    """Return environments to train or to evaluate in."""
    return ctx.make_envs(config.env, number, train=train, **_made_with(config))


def make_env(config: Config, ctx: Context, render_mode: str) -> Any:
    """Return one environment that draws itself."""
    return ctx.make_env(config.env, render_mode=render_mode, **_made_with(config))


def _made_with(config: Config) -> dict[str, Any]:
    limit = config.max_episode_steps
    return {"wrappers": wrappers(config), "time_limit": limit, **env_args(config)}
