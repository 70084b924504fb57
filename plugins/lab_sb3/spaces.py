"""Write Gymnasium's spaces as plain data, so that networks can be built without an environment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from lab import UsageError


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
