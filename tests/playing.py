"""Build what learns by playing outside any run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch

from lab.compute.device import Compute
from lab.engine.context import Context
from lab.environments import Envs
from lab.plugins import discover

Agent = TypeVar("Agent", bound=Any)


def make(
    kind: Callable[[Any, Context], Agent],
    config: Any,
    *,
    seed: int = 0,
    budget: int = 100_000,
    compute: Compute | None = None,
    warn: Callable[[str], None] = print,
) -> Agent:
    """Return an experiment that nobody runs: the caller calls its methods and moves its clock."""
    ctx = Context(
        seed=seed,
        budget=budget,
        dir=Path("nowhere"),
        compute=compute or Compute(torch.device("cpu")),
        environments=discover().environments(),
        warn=warn,
    )
    return kind(config, ctx)


def set_envs(agent: Agent, envs: Envs, seed: int = 0) -> Agent:
    """Let an experiment play in these environments."""
    envs.reset(seed)
    agent.envs = envs
    return agent


def train(agent: Agent, steps: int) -> Agent:
    """Take steps: a rollout each, and what is learned from it."""
    for _ in range(steps):
        agent.ctx.clock += agent.step()
    return agent
