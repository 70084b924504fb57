"""Save a native vector environment as its plain attributes and its generator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv

PLAIN = (np.ndarray, np.generic, int, float, bool, type(None))


def state_dict(envs: VectorEnv[Any, Any, Any]) -> dict[str, Any]:
    """Return copies of every plain attribute, and the state of `np_random`."""
    plain = {
        name: value.copy() if isinstance(value, np.ndarray) else value
        for name, value in vars(envs).items()
        if isinstance(value, PLAIN)
    }
    return {"attributes": plain, "generator": envs.np_random.bit_generator.state}


def load_state_dict(envs: VectorEnv[Any, Any, Any], state: Mapping[str, Any]) -> None:
    """Put the attributes and the generator's state back."""
    for name, value in state["attributes"].items():
        setattr(envs, name, value.copy() if isinstance(value, np.ndarray) else value)
    envs.np_random.bit_generator.state = state["generator"]
