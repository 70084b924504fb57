"""Know which of Gymnasium's spaces stable-baselines3 takes, and write those as plain data, so that
networks can be built without an environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from lab import UsageError
from lab_sb3.algorithms import ALGORITHMS

CNN_MIN_SIDE = 36  # smaller pictures do not survive the strides of its convolutions
MOST_STATES = 65_536  # its networks see a Discrete observation as a one-hot vector


def is_picture(space: spaces.Space[Any]) -> bool:
    """Tell whether a convolution learns from such observations, channels first or last."""
    sides = sorted(space.shape or ())
    return space.dtype == np.uint8 and len(sides) > 1 and sides[-2] >= CNN_MIN_SIDE


def is_taken(space: spaces.Space[Any]) -> bool:
    """Tell whether its networks take an observation, or a part of a Dict, as it is."""
    if isinstance(space, spaces.Box):
        return len(space.shape) < 2 or space.dtype != np.uint8 or is_picture(space)
    if isinstance(space, spaces.Discrete):
        return int(space.start) == 0
    if isinstance(space, spaces.MultiDiscrete):
        return len(space.shape) == 1 and not space.start.any()
    return isinstance(space, spaces.MultiBinary) and len(space.shape) == 1


def check_taken(
    env: str, algo: str, observation: spaces.Space[Any], action: spaces.Space[Any]
) -> None:
    """Raise UsageError where the algorithm does not take such actions, or the networks such
    observations, as they are once flattened."""
    if not isinstance(action, ALGORITHMS[algo].actions):
        able = [name for name, known in ALGORITHMS.items() if isinstance(action, known.actions)]
        advice = f"--algo {', '.join(able)} do." if able else "No algorithm of it does."
        raise UsageError(f"{algo} on {env}: it does not take the actions {action}. {advice}")
    parts = observation.spaces.values() if isinstance(observation, spaces.Dict) else [observation]
    large = [p for p in parts if isinstance(p, spaces.Discrete) and p.n > MOST_STATES]
    if large:
        raise UsageError(
            f"--env {env} numbers {int(large[0].n):,} states, of which stable-baselines3 makes "
            f"vectors as long; up to {MOST_STATES:,} can be.\nlab run dqn has a table for more; "
            "or show what tells them apart as a Box: --wrap module:MyWrapper."
        )


def to_plain(space: spaces.Space[Any]) -> dict[str, Any]:
    """Return a space as numbers, strings, lists and dicts. Raises UsageError for a kind that
    stable-baselines3 does not learn from."""
    if isinstance(space, spaces.Box):
        bounds = {"low": space.low.flatten().tolist(), "high": space.high.flatten().tolist()}
        return {"kind": "box", "shape": list(space.shape), "dtype": str(space.dtype), **bounds}
    if isinstance(space, spaces.Discrete):
        return {"kind": "discrete", "n": int(space.n), "start": int(space.start)}
    if isinstance(space, spaces.MultiDiscrete):
        return {"kind": "multi-discrete", "nvec": space.nvec.tolist()}
    if isinstance(space, spaces.MultiBinary):
        number = list(space.n) if isinstance(space.n, Sequence) else int(space.n)
        return {"kind": "multi-binary", "n": number}
    if isinstance(space, spaces.Dict):
        parts = {name: to_plain(part) for name, part in space.spaces.items()}
        return {"kind": "dict", "spaces": parts}
    raise UsageError(f"stable-baselines3 cannot learn from the space {space}.")


def from_plain(plain: dict[str, Any]) -> spaces.Space[Any]:
    """Return the space that `to_plain` wrote."""
    kind, shape = plain["kind"], tuple(plain.get("shape", ()))
    if kind == "box":
        low, high = (np.array(plain[end], plain["dtype"]).reshape(shape) for end in ("low", "high"))
        return spaces.Box(low, high, shape, np.dtype(plain["dtype"]).type)
    if kind == "discrete":
        return spaces.Discrete(plain["n"], start=plain["start"])
    if kind == "multi-discrete":
        return spaces.MultiDiscrete(plain["nvec"])
    if kind == "multi-binary":
        return spaces.MultiBinary(plain["n"])
    return spaces.Dict({name: from_plain(part) for name, part in plain["spaces"].items()})
