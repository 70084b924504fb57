"""Build policy gradients outside any run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

from lab.compute.device import Compute
from lab.engine.context import Context
from lab.environments import Envs
from lab.plugins import discover
from lab_pg.config import Config
from lab_pg.pg import PG


def make_pg(
    *,
    seed: int = 0,
    budget: int = 100_000,
    compute: Compute | None = None,
    warn: Callable[[str], None] = print,
    **options: Any,
) -> PG:
    """Return a PG that nobody runs: the caller calls its methods and moves its clock."""
    ctx = Context(
        seed=seed,
        budget=budget,
        dir=Path("nowhere"),
        compute=compute or Compute(torch.device("cpu")),
        environments=discover().environments(),
        warn=warn,
    )
    return PG(Config(**options), ctx)


def set_envs(pg: PG, envs: Envs, seed: int = 0) -> PG:
    """Let a PG play in these environments."""
    envs.reset(seed)
    pg.envs = envs
    return pg


def train(pg: PG, steps: int) -> PG:
    """Take steps: a rollout each, and what is learned from it."""
    for _ in range(steps):
        pg.ctx.clock += pg.step()
    return pg


class Rewarded(gym.Wrapper[Any, Any, Any, Any]):
    """One step, which shows nothing: discrete actions that end with 1 are rewarded, continuous ones
    by how near they are to a half."""

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(**options)
        return np.zeros_like(obs), info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        obs, *_ = self.env.step(action)
        continuous = action.dtype == np.float32
        near = -float(np.square(action - 0.5).sum())
        reward = near if continuous else float(action[-1] == 1)
        return np.zeros_like(obs), reward, True, False, {}
