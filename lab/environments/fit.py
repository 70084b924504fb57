"""Wrap an environment so that its spaces are those that networks take.

What needs no change is returned as it is, so that an ordinary environment is stepped as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import TransformObservation

from lab.errors import UsageError

Env = gym.Env[Any, Any]
Space = spaces.Space[Any]
Path = tuple[str | int, ...]  # the keys and indices that lead to a part of a Dict or Tuple

FIXED_SIZE = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
LONGEST = 1_000_000  # numbers in a flat observation; a Discrete part has one for each value


class Change(NamedTuple):
    """Another space, and how what the environment gives becomes an element of it."""

    space: Space
    apply: Callable[[Any], Any]


class ChangedObservation(TransformObservation):
    """Show observations changed; `note` is what the person is told of it."""

    def __init__(self, env: Env, change: Change, note: str) -> None:
        super().__init__(env, change.apply, change.space)
        self.note = note


def flatten_observation(env: Env) -> Env:
    """Show every observation but Box and Discrete as one vector, that of
    `gymnasium.spaces.flatten`, without texts. Raises UsageError where parts have no fixed size."""
    space = env.observation_space
    if isinstance(space, (spaces.Box, spaces.Discrete)):
        return env
    change = flat(env, space)
    note = (
        f"{name(env)} shows {_kind(space)}: flattened into one vector of "
        f"{spaces.flatdim(change.space):,} numbers{_without(space)}."
    )
    return ChangedObservation(env, change, note)


def flatten_parts(env: Env, is_taken: Callable[[Space], bool]) -> Env:
    """As `flatten_observation`, but keep a Dict whose parts networks read one by one: those that
    are not taken as they are become vectors. `is_taken` tells it of a space."""
    space = env.observation_space
    if is_taken(space):
        return env
    if not isinstance(space, spaces.Dict):
        return flatten_observation(env)
    kept = {key: part for key, part in space.items() if not _is_text(part)}
    changes = {
        key: Change(part, _as_it_is) if is_taken(part) else flat(env, part, (key,))
        for key, part in kept.items()
    }
    flattened = [key for key, part in kept.items() if not is_taken(part)]
    if not flattened and len(kept) == len(space.spaces):
        return env
    shown = spaces.Dict({key: change.space for key, change in changes.items()})

    def apply(obs: Mapping[str, Any]) -> dict[str, Any]:
        return {key: change.apply(obs[key]) for key, change in changes.items()}

    vectors = f"; {', '.join(map(repr, flattened))} flattened" if flattened else ""
    note = f"{name(env)} shows a Dict, learned from part by part{vectors}{_without(space)}."
    return ChangedObservation(env, Change(shown, apply), note)


def flat(env: Env, space: Space, at: Path = ()) -> Change:
    """Return the space as one Box [F], as `gymnasium.spaces.flatten` would: its leaves one after
    another, without texts."""
    leaves = [(path, leaf) for path, leaf in _leaves(space) if not _is_text(leaf)]
    for path, leaf in leaves:
        if not isinstance(leaf, FIXED_SIZE):
            raise UsageError(
                f"--env {name(env)} shows {leaf} at {_spell((*at, *path))}, which has no fixed "
                "size. Leave it out: --wrap module:MyWrapper."
            )
    size = sum(spaces.flatdim(leaf) for _, leaf in leaves)
    if not 0 < size <= LONGEST:
        raise UsageError(
            f"--env {name(env)} would show a vector of {size:,} numbers, when flattened; up to "
            f"{LONGEST:,} can be. Show something else: --wrap module:MyWrapper."
        )
    boxes: list[Any] = [spaces.flatten_space(leaf) for _, leaf in leaves]
    dtype = np.result_type(*(box.dtype for box in boxes))
    low, high = (np.concatenate([getattr(box, end) for box in boxes]) for end in ("low", "high"))

    def apply(obs: Any) -> Any:
        parts: list[Any] = [spaces.flatten(leaf, _follow(obs, path)) for path, leaf in leaves]
        return np.concatenate(parts).astype(dtype, copy=False)

    return Change(spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype.type), apply)


class CountedFromZero(gym.Wrapper[Any, Any, Any, Any]):
    """Observations and actions that count from 0, of an environment where they count from
    `starts`: one for the observations and one for the actions."""

    def __init__(self, env: Env) -> None:
        super().__init__(env)
        self.starts = _start(env.observation_space), _start(env.action_space)
        self.observation_space = _from_zero(env.observation_space)
        self.action_space = _from_zero(env.action_space)

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(**kwargs)
        return self._shifted(obs), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, *rest = self.env.step(action + self.starts[1])
        return self._shifted(obs), *rest

    def _shifted(self, obs: Any) -> Any:
        return obs - self.starts[0] if np.any(self.starts[0]) else obs


def count_from_zero(env: Env) -> Env:
    """Let Discrete and MultiDiscrete observations and actions count from 0."""
    begin_elsewhere = np.any(_start(env.observation_space)) or np.any(_start(env.action_space))
    return CountedFromZero(env) if begin_elsewhere else env


def starts(env: Env) -> tuple[Any, Any]:
    """Return where the observations and the actions of the environment itself begin: an int, a
    list of them for a MultiDiscrete space, and 0 where there is nothing to add."""
    while isinstance(env, gym.Wrapper):
        if isinstance(env, CountedFromZero):
            first, second = (np.asarray(start).tolist() for start in env.starts)
            return first, second
        env = env.env
    return 0, 0


def fitted(env: Env) -> Iterator[str]:
    """Yield what was changed so that the spaces fit, in a word or two each, outermost first."""
    while isinstance(env, gym.Wrapper):
        if isinstance(env, ChangedObservation):
            yield "flattened observations"
        if isinstance(env, CountedFromZero):
            yield "counts from 0"
        env = env.env


def name(env: Env) -> str:
    """Return the id as Gymnasium knows it."""
    return env.spec.id if env.spec else type(env.unwrapped).__name__


def _start(space: Any) -> Any:
    return space.start if isinstance(space, (spaces.Discrete, spaces.MultiDiscrete)) else 0


def _from_zero(space: Space) -> Space:
    if isinstance(space, spaces.Discrete):
        return spaces.Discrete(space.n)
    return spaces.MultiDiscrete(space.nvec) if isinstance(space, spaces.MultiDiscrete) else space


def _leaves(space: Space, path: Path = ()) -> Iterator[tuple[Path, Space]]:
    """Yield the parts that are no Dict or Tuple, in the order of `gymnasium.spaces.flatten`."""
    parts: Any = ()
    if isinstance(space, spaces.Dict):
        parts = space.spaces.items()
    elif isinstance(space, spaces.Tuple):
        parts = enumerate(space.spaces)
    else:
        yield path, space
    for key, part in parts:
        yield from _leaves(part, (*path, key))


def _follow(obs: Any, path: Path) -> Any:
    for key in path:
        obs = obs[key]
    return obs


def _is_text(space: Space) -> bool:
    """Tell whether a space has texts as its elements: Text, or anybody's, Minigrid's missions."""
    return isinstance(space, spaces.Text) or (space.dtype is not None and space.dtype.kind == "U")


def _without(space: Space) -> str:
    left_out = [_spell(path) for path, leaf in _leaves(space) if _is_text(leaf)]
    return f", without the text at {', '.join(left_out)}" if left_out else ""


def _kind(space: Space) -> str:
    return f"a {type(space).__name__}"


def _spell(path: Path) -> str:
    return "".join(f"[{key!r}]" for key in path) or "the top"


def _as_it_is(obs: Any) -> Any:
    return obs
