"""Construct an algorithm from the options."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.utils import LinearSchedule
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

import lab
from lab_sb3 import algorithms, normalization, replay
from lab_sb3.config import ARGUMENTS, Config
from lab_sb3.envs import LentEnvs
from lab_sb3.spaces import is_picture

GAMMA = 0.99  # of VecNormalize, where the algorithm itself has no discount


def build(config: Config, ctx: lab.Context, vec_env: LentEnvs) -> Any:
    """Return the algorithm. Raises UsageError for spaces or options it does not take."""
    algorithm = algorithms.load(config.algo)
    arguments = _arguments(config, algorithm, vec_env.action_space)
    _check_buffer(ctx, algorithm, arguments, vec_env.observation_space)
    try:
        model = algorithm(
            _policy(config, vec_env.observation_space),
            _normalized(config, vec_env, _default(algorithm, arguments, "gamma", GAMMA)),
            device=ctx.device,
            policy_kwargs=_network(config),
            **arguments,
        )
    except (AssertionError, ValueError, TypeError) as error:
        raise lab.UsageError(f"{config.algo} on {config.env}: {error}") from error
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


def _arguments(config: Config, algorithm: Any, actions: gym.Space[Any]) -> dict[str, Any]:
    """Return the arguments of the options.

    Raises UsageError that names every option which this algorithm does not have.
    """
    values = {name: getattr(config, name) for name in ARGUMENTS}
    options = {name: value for name, value in values.items() if value is not None}
    taken = inspect.signature(algorithm).parameters
    foreign = [f"--{name.replace('_', '-')}" for name in options if ARGUMENTS[name] not in taken]
    foreign += [f"--args {name}=..." for name in config.args if name not in taken]
    if foreign:
        raise lab.UsageError(f"{config.algo} has no {', '.join(foreign)}.")
    if config.linear:
        for name in {"lr", "clip_range"} & set(options):
            options[name] = LinearSchedule(options[name], 0.0, 1.0)
    if "noise" in options:
        shape = actions.shape or ()
        options["noise"] = NormalActionNoise(np.zeros(shape), np.full(shape, options["noise"]))
    return {ARGUMENTS[name]: value for name, value in options.items()} | config.args


def _default(algorithm: Any, arguments: Mapping[str, Any], name: str, otherwise: Any) -> Any:
    """Return an argument, or the algorithm's default of it; `otherwise` where it has none."""
    parameter = inspect.signature(algorithm).parameters.get(name)
    return arguments.get(name, otherwise if parameter is None else parameter.default)


def _check_buffer(
    ctx: lab.Context, algorithm: Any, arguments: Mapping[str, Any], space: gym.Space[Any]
) -> None:
    """Raise UsageError where the replay buffer has no room in main memory."""
    needed = replay.bytes_needed(algorithm, arguments, space)
    if needed:
        what = f"--buffer-size {replay.size_of(algorithm, arguments):,}"
        advice, cpu = "Give less, or --wrap what shows less.", torch.device("cpu")
        ctx.check_room(needed, what, advice, cpu)


def _policy(config: Config, space: gym.Space[Any]) -> str:
    """Return what sb3 calls the policy; those with an LSTM have it in their name."""
    name = config.policy
    if name == "auto" and isinstance(space, gym.spaces.Dict):
        name = "MultiInputPolicy"
    elif name == "auto":
        name = "CnnPolicy" if is_picture(space) else "MlpPolicy"
    recurrent = algorithms.ALGORITHMS[config.algo].recurrent
    return name.replace("Policy", "LstmPolicy") if recurrent else name


def _network(config: Config) -> dict[str, Any] | None:
    hidden = {} if config.hidden is None else {"net_arch": list(config.hidden)}
    return hidden | config.policy_args or None


def _normalized(config: Config, vec_env: LentEnvs, gamma: float) -> VecEnv:
    if not (config.normalize_obs or config.normalize_returns):
        return vec_env
    return VecNormalize(
        vec_env,
        norm_obs=config.normalize_obs,
        norm_reward=config.normalize_returns,
        gamma=gamma,
        norm_obs_keys=(
            normalization.vectors(vec_env.observation_space) if config.normalize_obs else None
        ),
    )
