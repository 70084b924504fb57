"""Take observations that a person hands to a trained agent."""

from __future__ import annotations

from typing import Any

import numpy as np

from lab.environments.envs import Array
from lab.errors import UsageError


def as_observations(
    values: Any, shape: tuple[int, ...], *, states: int = 0, first_state: Any = 0
) -> Array:
    """Return observations [B, *shape], as an environment gives them.

    states: of a Discrete space, how many there are, counted from `first_state`. Raises UsageError
    for another shape, for what is no finite number, and for a state that is none.
    """
    try:
        obs = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise UsageError(f"observations are no array: {error}") from error
    if obs.dtype.kind not in "biuf":
        raise UsageError(f"observations are numbers; these are {obs.dtype}")
    if obs.shape[1:] != shape or obs.ndim == 0:
        wanted = ", ".join(map(str, ("B", *shape)))
        raise UsageError(f"observations are [{wanted}]; these are {list(obs.shape)}")
    if not np.isfinite(obs).all():
        raise UsageError("observations are finite; these hold NaN or infinite numbers")
    if states and not _are_states(obs, states, int(first_state)):
        last = int(first_state) + states - 1
        raise UsageError(f"observations are whole numbers from {int(first_state)} to {last}")
    return obs.astype(np.int64) if states else obs


def _are_states(obs: Array, states: int, first: int) -> bool:
    return bool(((obs == np.floor(obs)) & (obs >= first) & (obs < first + states)).all())
