"""Save the filled part of a replay buffer, without pickle.

Invariant of stable-baselines3's buffers: every array whose first axis has length `buffer_size` is a
ring, of which the first `size()` rows are filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

import lab


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
