"""Find the wrappers that `--wrap` names: Gymnasium's own, or anybody's as `module:Class`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
from gymnasium.wrappers import NormalizeObservation, NormalizeReward

from lab.errors import UsageError
from lab.imports import import_file
from lab.messages import did_you_mean, first_line
from lab.option_text import parse_pairs

Wrapper = Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]]
WORDS = re.compile(r"(?P<name>[^()]*[^()\s])(\((?P<arguments>.*)\))?", re.DOTALL)
# They learn statistics from what they see, and those of training are not those of evaluation.
LEARNING = (NormalizeObservation, NormalizeReward)


def named_wrappers(texts: Sequence[str]) -> list[Wrapper]:
    """Return the wrappers of `texts`, in order: the first is the innermost. Raises UsageError for
    one that cannot be found."""
    return [named_wrapper(text) for text in texts]


def named_wrapper(text: str) -> Wrapper:
    """Return the wrapper of `Name`, `module:Class`, `file.py:Class` or `Name(key=value,...)`."""
    match = WORDS.fullmatch(text.strip())
    arguments = parse_pairs(match["arguments"] or "") if match else None
    if match is None or not isinstance(arguments, dict):
        raise UsageError(
            f"--wrap {text}: write Name, module:Class, file.py:Class or Name(key=value,...)."
        )
    make = _find(text, match["name"])

    def wrap(env: gym.Env[Any, Any]) -> gym.Env[Any, Any]:
        try:
            wrapped: gym.Env[Any, Any] = make(env, **arguments)
        except Exception as error:  # a wrapper may refuse an environment in any way
            raise UsageError(f"--wrap {text} does not fit: {first_line(error)}") from error
        if not isinstance(wrapped, gym.Env):
            raise UsageError(f"--wrap {text} returns no environment, but {type(wrapped).__name__}.")
        return wrapped

    return wrap


def _find(text: str, name: str) -> Callable[..., Any]:
    module, _, attribute = name.rpartition(":")
    try:
        home = (
            import_file(Path(module))
            if module.endswith(".py")
            else importlib.import_module(module or "gymnasium.wrappers")
        )
    except ImportError as error:
        raise UsageError(f"--wrap {text}: {first_line(error)}") from error
    found = getattr(home, attribute, None)
    if not callable(found):
        names = [other for other, value in vars(home).items() if isinstance(value, type)]
        hint = did_you_mean(attribute, names)
        raise UsageError(f"--wrap {text}: {home.__name__} has no {attribute}.{hint}")
    if found in LEARNING:
        raise UsageError(
            f"--wrap {text}: it learns its statistics while it runs, and evaluation would not have "
            "those of training. RescaleObservation(min_obs=-1,max_obs=1) scales by the bounds."
        )
    return found  # type: ignore[no-any-return]
