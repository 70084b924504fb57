"""Inspect an environment once: its observations, its actions, and its wrappers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.wrappers import FrameStackObservation
from torch import Tensor

from lab import Context, UsageError
from lab.environments import count_from_zero, flatten_observation, starts
from lab.environments.pictures import channels_first, doubt, is_picture
from lab_dqn import atari
from lab_dqn.config import AgentConfig

Array = np.ndarray[Any, np.dtype[Any]]

MOST_STATES = 4_000_000  # of a Discrete observation: a table of the network has a row for each


class Task(NamedTuple):
    """The shapes that networks and replay are built from. Plain data, kept with the run."""

    kind: str  # vector, image (bytes or bits), or discrete (a number, until it is in the network)
    frame: tuple[int, ...]  # shape of one observation
    dtype: str
    stack: int
    states: int  # of a discrete observation, else 0
    actions: int
    center: tuple[float, ...] = ()  # what is taken off each number of a vector, and
    half_range: tuple[float, ...] = ()  # what it is divided by; empty to leave vectors alone
    first_state: int = 0  # where the environment itself begins to count its observations
    first_action: int = 0  # and its actions; here both begin with 0
    channels_first: bool = False  # of a picture, whose frame has three sizes
    white: int = 255  # the largest value of a picture

    @property
    def torch_dtype(self) -> torch.dtype:
        dtype = getattr(torch, self.dtype)
        assert isinstance(dtype, torch.dtype)
        return dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of an observation, all its frames."""
        return (self.stack, *self.frame) if self.stack > 1 else self.frame

    def prepare(self, obs: Array, device: torch.device) -> Tensor:
        """Return observations [B, ...], as the environment gives them, as networks take them: on
        the device, [B, k, ...] with k frames in each."""
        x = torch.from_numpy(obs).to(device, self.torch_dtype)
        return x.unsqueeze(1) if self.stack == 1 else x


def describe(config: AgentConfig, ctx: Context) -> Task:
    """Return the task. Raises UsageError where Q-values cannot be learned of it."""
    env = ctx.look_at_env(config.env, wrappers=wrappers(config), **env_args(config))
    first_state, first_action = starts(env)
    task = _task(env.observation_space, env.action_space, config)
    pictures = task.kind == "image" and config.channels is None
    if pictures and (said := doubt(task.frame, task.channels_first)):
        ctx.warn(f"--env {config.env} {said}")
    return task._replace(first_state=first_state, first_action=first_action)


def _task(observation: spaces.Space[Any], action: spaces.Space[Any], config: AgentConfig) -> Task:
    if not isinstance(action, spaces.Discrete):
        raise UsageError(
            f"--env {config.env}: Q-values need a Discrete action space, not {action}. "
            f"{_others(action)}"
        )
    actions = int(action.n)
    vector = isinstance(observation, spaces.Box) and not is_picture(observation, config.frame_stack)
    if config.scale_obs and not vector:
        raise UsageError(f"--scale-obs scales vectors; --env {config.env} shows {observation}.")
    if isinstance(observation, spaces.Discrete):
        _refuse_large(observation, config)
        return Task("discrete", (), "int64", 1, int(observation.n), actions)
    if not isinstance(observation, spaces.Box):
        raise UsageError(
            f"--env {config.env}: Q-networks cannot learn from {observation}. "
            "--wrap module:MyWrapper may make a Box of it."
        )
    stack = config.frame_stack
    frame = observation.shape[1:] if stack > 1 else observation.shape
    if not vector:
        task = Task("image", tuple(frame), "uint8", stack, 0, actions)
        first = channels_first(task.frame, config.channels)
        return task._replace(channels_first=first, white=1 if observation.dtype == bool else 255)
    scale = _scale(observation, stack) if config.scale_obs else ()
    return Task("vector", tuple(frame), "float32", stack, 0, actions, *scale)


def _others(action: spaces.Space[Any]) -> str:
    """Say what learns to take such actions."""
    if isinstance(action, spaces.Box):
        return "Actor-critic methods fit continuous actions: lab run pg, or sb3 --algo sac, td3."
    if isinstance(action, (spaces.MultiDiscrete, spaces.MultiBinary)):
        return "PPO and A2C take several at a time: lab run pg."
    return "--wrap module:MyWrapper may make a Discrete of it."


def _refuse_large(observation: spaces.Discrete, config: AgentConfig) -> None:
    if observation.n > MOST_STATES:
        raise UsageError(
            f"--env {config.env} numbers {int(observation.n):,} states; the network has a row for "
            f"each of up to {MOST_STATES:,}.\nShow what tells them apart, coordinates say, as a "
            "Box: --wrap module:MyWrapper."
        )


def _scale(observation: spaces.Box, stack: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the center and half the range of each number of a frame: 0 and 1 without bounds."""
    bounds = np.stack([observation.low, observation.high]).astype(np.float64)
    low, high = bounds[:, 0] if stack > 1 else bounds
    bounded = np.isfinite(low) & np.isfinite(high) & (low < high)
    with np.errstate(invalid="ignore"):  # inf - inf, which is not used
        center = np.where(bounded, (low + high) / 2, 0.0)
        half_range = np.where(bounded, (high - low) / 2, 1.0)
    return tuple(center.flatten().tolist()), tuple(half_range.flatten().tolist())


def env_args(config: AgentConfig) -> dict[str, Any]:
    """Return the arguments of `gymnasium.make`."""
    return {**atari.env_args(config), **config.env_args}


def wrappers(config: AgentConfig) -> list[Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]]:
    """Return the wrappers, innermost first."""
    chosen: list[Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]] = config.wrappers()
    chosen += [*atari.wrappers(config), flatten_observation, count_from_zero]
    if config.frame_stack > 1:
        chosen.append(lambda env: FrameStackObservation(env, config.frame_stack))
    return chosen
