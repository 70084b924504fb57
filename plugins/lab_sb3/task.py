"""Make the environments, and inspect one of them once: its spaces, and what was changed there."""

from __future__ import annotations

from typing import Any

import lab
from lab.environments import Wrapper, count_from_zero, fitted, flatten_parts, starts
from lab.environments.masks import Masked, tell_mask
from lab_sb3 import normalization
from lab_sb3.algorithms import ALGORITHMS
from lab_sb3.config import Config
from lab_sb3.spaces import check_taken, is_taken, to_plain


def describe(config: Config, ctx: lab.Context) -> dict[str, Any]:
    """Return the spaces of the environment, and where they begin to count, as plain data.
    Raises UsageError where the algorithm does not take them."""
    made: dict[str, Any] = {"wrappers": [*wrappers(config), Masked], **config.env_args}
    env = ctx.look_at_env(config.env, **made)
    check_taken(config.env, config.algo, env.observation_space, env.action_space)
    if config.normalize_obs:
        normalization.check(config.env, env.observation_space)
    if ALGORITHMS[config.algo].masked and env.action_mask is None:
        ctx.warn(
            f"--env {config.env} says neither by info['action_mask'] nor by action_masks() what is "
            f"allowed: to {config.algo} all is, as to --algo ppo."
        )
    return {
        "observation": to_plain(env.observation_space),
        "action": to_plain(env.action_space),
        "starts": list(starts(env)),
        "fitted": list(fitted(env)),
    }


def make_envs(config: Config, ctx: lab.Context, *, train: bool) -> lab.Envs:
    """Return environments to train in, or others to evaluate in."""
    # one by one: a native vector environment has ticks that are no transitions
    return ctx.make_envs(
        config.env,
        config.n_envs if train else config.eval_episodes,
        train=train,
        native=False,
        **_options(config),
    )


def make_shown(config: Config, ctx: lab.Context) -> Masked:
    """Return one environment that draws itself."""
    return Masked(ctx.make_env(config.env, render_mode="rgb_array", **_options(config)))


def wrappers(config: Config) -> list[Wrapper]:
    """Return the wrappers, innermost first: the person's, and those that fit the spaces."""
    return [
        *config.wrappers(),
        *([tell_mask] if ALGORITHMS[config.algo].masked else []),
        lambda env: flatten_parts(env, is_taken),
        count_from_zero,
    ]


def _options(config: Config) -> dict[str, Any]:
    limit = config.max_episode_steps
    return {"wrappers": wrappers(config), "time_limit": limit, **config.env_args}
