"""Build a PQN outside any run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lab.compute.device import Compute
from lab.engine.context import Context
from lab.environments import Envs
from lab.plugins import discover
from lab_dqn.pqn import PQN
from lab_dqn.pqn_config import Config


def make_pqn(
    *,
    seed: int = 0,
    budget: int = 100_000,
    compute: Compute | None = None,
    warn: Callable[[str], None] = print,
    **options: Any,
) -> PQN:
    """Return a PQN that nobody runs: the caller calls its methods and moves its clock."""
    ctx = Context(
        seed=seed,
        budget=budget,
        dir=Path("nowhere"),
        compute=compute or Compute(torch.device("cpu")),
        environments=discover().environments(),
        warn=warn,
    )
    return PQN(Config(**options), ctx)


def set_envs(pqn: PQN, envs: Envs, seed: int = 0) -> PQN:
    """Let a PQN play in these environments."""
    envs.reset(seed)
    pqn.envs = envs
    return pqn


def train(pqn: PQN, steps: int) -> PQN:
    """Take steps: a rollout each, and what is learned from it."""
    for _ in range(steps):
        pqn.ctx.clock += pqn.step()
    return pqn


def table(pqn: PQN, states: int) -> np.ndarray:
    """Return the learned Q-values [S, A] of a discrete world."""
    return pqn.q(np.arange(states))
