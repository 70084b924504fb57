"""Build a PQN outside any run."""

from __future__ import annotations

from typing import Any

import numpy as np
import playing
from playing import set_envs, train

from lab_dqn.pqn import PQN
from lab_dqn.pqn_config import Config

__all__ = ["make_pqn", "set_envs", "table", "train"]
OUTSIDE = ("seed", "budget", "compute", "warn")  # of the options


def make_pqn(**options: Any) -> PQN:
    """Return a PQN that nobody runs, from its options and those of `playing.make`."""
    outside = {key: options.pop(key) for key in OUTSIDE if key in options}
    return playing.make(PQN, Config(**options), **outside)


def table(pqn: PQN, states: int) -> np.ndarray:
    """Return the learned Q-values [S, A] of a discrete world."""
    return pqn.q(np.arange(states))
