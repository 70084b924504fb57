"""Know how large a replay buffer is, and save the filled part of it without pickle.

Invariant of stable-baselines3's buffers: every array whose first axis has length `buffer_size` is a
ring, of which the first `size()` rows are filled.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium as gym
import numpy as np

import lab


def bytes_needed(algorithm: Any, arguments: Mapping[str, Any], space: gym.Space[Any]) -> int:
    """Return what an algorithm's replay buffer takes, 0 without one: each transition holds two
    observations."""
    if "buffer_size" not in inspect.signature(algorithm).parameters:
        return 0
    copies = 1 if arguments.get("optimize_memory_usage") else 2
    return copies * size_of(algorithm, arguments) * observation_bytes(space)


def size_of(algorithm: Any, arguments: Mapping[str, Any]) -> int:
    """Return how many transitions the buffer holds."""
    default = inspect.signature(algorithm).parameters["buffer_size"].default
    return int(arguments.get("buffer_size", default))


def observation_bytes(space: gym.Space[Any]) -> int:
    if isinstance(space, gym.spaces.Dict):
        return sum(map(observation_bytes, space.values()))
    item = np.dtype(space.dtype or np.int64).itemsize
    return math.prod(space.shape or ()) * item


def state_dict(buffer: Any) -> dict[str, Any]:
    """Return position, and the filled rows of every ring by name."""
    rings = {name: lab.to_plain(ring[: buffer.size()]) for name, ring in _rings(buffer)}
    return {"position": int(buffer.pos), "full": bool(buffer.full), "rings": rings}


def load_state_dict(buffer: Any, state: Mapping[str, Any]) -> None:
    """Copy a saved state back."""
    buffer.pos, buffer.full = state["position"], state["full"]
    for name, ring in _rings(buffer):
        ring[: buffer.size()] = lab.from_plain(state["rings"][name])


def _rings(buffer: Any) -> Iterator[tuple[str, Any]]:
    """Yield each ring with its name; those of Dict observations as `observations/key`."""
    for name, value in vars(buffer).items():
        parts = {f"/{key}": part for key, part in value.items()} if isinstance(value, dict) else {}
        for key, ring in (parts or {"": value}).items():
            if isinstance(ring, np.ndarray) and ring.shape[:1] == (buffer.buffer_size,):
                yield f"{name}{key}", ring
