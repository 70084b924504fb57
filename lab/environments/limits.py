"""Limit how long an episode may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

EVALUATION_STEPS = 27_000
"""Where an evaluation cuts an episode that no time limit ends. The longest episodes of the usual
benchmarks fit: half an hour of Atari, 108,000 frames in steps of four (Machado et al., "Revisiting
the Arcade Learning Environment", JAIR 61, 2018)."""


def registered_limit(env_id: str, kwargs: Mapping[str, Any]) -> int | None:
    """Return the time limit that `gymnasium.make(env_id, **kwargs)` sets: the one registered, or
    the argument `max_episode_steps` in its place, where -1 stands for none."""
    limit = kwargs.get("max_episode_steps") or gym.spec(env_id).max_episode_steps
    return None if limit == -1 else limit
