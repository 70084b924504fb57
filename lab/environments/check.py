"""Hold an environment to what Gymnasium expects, once, before anything is learned in it.

Mistakes that would end a run in the middle of numpy are said here, in one line that names the
environment. Exceptions of the environment's own are left to training, which tells them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from lab.environments.fit import FIXED_SIZE, name
from lab.errors import UsageError
from lab.messages import first_line

Env = gym.Env[Any, Any]
STEPS = 3
STEP = "(observation, reward, terminated, truncated, info)"


def check_contract(env: Env) -> list[str]:
    """Play a few steps: in the environment alone, then in its wrappers. Return what is allowed but
    should be known, each once. Raises UsageError for a mistake that no training survives."""
    layers = [env.unwrapped] if env is env.unwrapped else [env.unwrapped, env]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gymnasium's own checker says the same at more length
        said = [line for layer in layers for line in _play(layer, name(env))]
    return list(dict.fromkeys(said))


def _play(env: Env, id: str) -> Iterator[str]:
    returned = _reset(env, id)
    if returned is None:
        return
    yield from _look(f"--env {id}: its reset", env.observation_space, returned[0])
    env.action_space.seed(0)
    for _ in range(STEPS):
        try:
            result = env.step(env.action_space.sample())
        except UsageError:
            raise
        except Exception:  # an environment may fail in any way, and training tells it
            return
        obs, terminated, truncated = _taken_apart(result, id)
        yield from _look(f"--env {id}: its step", env.observation_space, obs)
        if terminated or truncated:
            return


def _reset(env: Env, id: str) -> tuple[Any, Any] | None:
    """Return what reset gives; None where the environment itself fails."""
    try:
        returned: Any = env.reset(seed=0)
    except TypeError as error:
        if "unexpected keyword argument" in str(error):
            raise UsageError(
                f"--env {id}: {first_line(error)}. Gymnasium expects "
                "def reset(self, *, seed=None, options=None)."
            ) from error
        return None
    except Exception:
        return None
    if not (isinstance(returned, tuple) and len(returned) == 2):
        raise UsageError(
            f"--env {id}: its reset returns {_what(returned)}; Gymnasium expects the two of "
            "(observation, info), where info is a dict."
        )
    _expect_info(id, "reset", returned[1])
    return returned


def _taken_apart(result: Any, id: str) -> tuple[Any, bool, bool]:
    """Return observation, terminated and truncated of a step."""
    if not (isinstance(result, tuple) and len(result) == 5):
        older = isinstance(result, tuple) and len(result) == 4
        hint = " done has become two: it ended, or it ran out of time." if older else ""
        raise UsageError(
            f"--env {id}: its step returns {_what(result)}; Gymnasium expects the five of "
            f"{STEP}.{hint}"
        )
    obs, reward, terminated, truncated, info = result
    if np.ndim(reward) or np.asarray(reward).dtype.kind not in "fiub":
        raise UsageError(
            f"--env {id}: its step returns {_what(reward)} as the reward; Gymnasium expects a "
            "number: float(reward)."
        )
    for which, value in (("terminated", terminated), ("truncated", truncated)):
        if np.ndim(value) or np.asarray(value).dtype.kind not in "biu":
            raise UsageError(
                f"--env {id}: its step returns {_what(value)} as {which}; Gymnasium expects True "
                f"or False: bool({which})."
            )
    _expect_info(id, "step", info)
    return obs, bool(terminated), bool(truncated)


def _expect_info(id: str, method: str, info: Any) -> None:
    if not isinstance(info, dict):
        raise UsageError(
            f"--env {id}: its {method} returns {_what(info)} as info; Gymnasium expects a dict."
        )


def _look(who: str, space: Any, obs: Any) -> Iterator[str]:
    """Compare an observation with its space. Raises UsageError where it cannot be one of it."""
    if isinstance(space, spaces.Dict):
        if not isinstance(obs, Mapping) or set(obs) != set(space.spaces):
            shown = f"the keys {sorted(obs)}" if isinstance(obs, Mapping) else _what(obs)
            raise _differs(who, shown, f"a dict of {sorted(space.spaces)}")
        for key, part in space.items():
            yield from _look(who, part, obs[key])
    elif isinstance(space, spaces.Tuple):
        if not isinstance(obs, tuple | list) or len(obs) != len(space.spaces):
            raise _differs(who, _what(obs), f"a tuple of {len(space.spaces)}")
        for part, value in zip(space.spaces, obs, strict=True):
            yield from _look(who, part, value)
    elif isinstance(space, spaces.Box):
        yield from _look_at_box(who, space, obs)
    elif isinstance(space, FIXED_SIZE) and not space.contains(obs):
        raise _differs(who, _what(obs), str(space))


def _look_at_box(who: str, space: spaces.Box, obs: Any) -> Iterator[str]:
    try:
        values = np.asarray(obs)
    except ValueError as error:  # lists of different lengths
        raise _differs(who, _what(obs), f"an array of shape {space.shape}") from error
    if values.shape != space.shape:
        raise _differs(who, f"shape {values.shape}", f"{space.shape}")
    if not np.can_cast(values.dtype, space.dtype, "same_kind"):
        raise _differs(who, str(values.dtype), str(space.dtype))
    if values.dtype != space.dtype:
        yield f"{who} shows {values.dtype} where its space says {space.dtype}: it is converted."
    outside = np.argwhere((values < space.low) | (values > space.high))
    if len(outside):
        place = tuple(outside[0])
        low, high = space.low[place], space.high[place]
        yield (
            f"{who} shows {values[place]:g}, outside its space, which says {low:g} to {high:g}: "
            "what is scaled by these bounds is off."
        )


def _differs(who: str, shown: str, expected: str) -> UsageError:
    return UsageError(
        f"{who} shows {shown} where its observation_space says {expected}. Gymnasium expects the "
        "two to agree: correct one of them."
    )


def _what(value: Any) -> str:
    """Name a value by what a reader of the environment's code would look for."""
    if isinstance(value, tuple):
        return f"{len(value)} values"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return "None" if value is None else f"{type(value).__name__} {value!r:.40}"
