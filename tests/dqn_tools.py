"""Build a DQN outside any run, and read back what its memory holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from lab.compute.device import Compute
from lab.engine.context import Context
from lab.environments import Envs
from lab.plugins import discover
from lab_dqn.config import Config
from lab_dqn.dqn import DQN
from lab_dqn.replay import Memory
from lab_dqn.replay.sampling import Prioritized, Uniform

CPU = torch.device("cpu")


def make_dqn(
    *,
    seed: int = 0,
    budget: int = 10_000,
    compute: Compute | None = None,
    warn: Callable[[str], None] = print,
    **options: Any,
) -> DQN:
    """Return a DQN that nobody runs: the caller calls its methods and moves its clock."""
    ctx = Context(
        seed=seed,
        budget=budget,
        dir=Path("nowhere"),
        compute=compute or Compute(CPU),
        environments=discover().environments(),
        warn=warn,
    )
    return DQN(Config(**options), ctx)


def train(dqn: DQN, env_steps: int) -> DQN:
    """Step until the clock has moved by `env_steps`."""
    end = dqn.ctx.clock + env_steps
    while dqn.ctx.clock < end:
        dqn.ctx.clock += dqn.step()
    return dqn


def set_envs(dqn: DQN, envs: Envs, seed: int = 0) -> DQN:
    """Let a DQN play in these environments."""
    envs.reset(seed)
    dqn.envs = envs
    return dqn


def table(dqn: DQN, states: int) -> torch.Tensor:
    """Return the learned Q-values [S, A] of a discrete world."""
    return torch.from_numpy(dqn.q(np.arange(states)))


class Row(NamedTuple):
    """A transition in plain data, so that rows can be compared and sorted."""

    obs: Any
    action: int
    reward: float
    discount: float
    next_obs: Any


def rows(memory: Memory) -> list[Row]:
    """Return what is remembered, oldest first, observations read from the frame store."""
    stored = []
    for index in range(len(memory)):
        at = (memory.tail + index) % memory.capacity
        row = {name: values[at] for name, values in memory.rows.items()}
        for name in ("obs", "next_obs"):
            row[name] = memory.frames.read(torch.from_numpy(row[name])).tolist()
        stored.append(
            Row(
                row["obs"],
                int(row["action"]),
                float(row["reward"]),
                float(row["discount"]),
                row["next_obs"],
            )
        )
    return stored


def make_memory(capacity: int, **changes: Any) -> Memory:
    """Return a memory of numbers: each frame is one int64, so that a frame is its own name."""
    options: dict[str, Any] = {
        "frame_shape": (),
        "dtype": torch.int64,
        "stack": 1,
        "num_envs": 1,
        "n_step": 1,
        "gamma": 0.5,
        "sampler": Uniform(capacity),
        "device": CPU,
    }
    return Memory(capacity, **{**options, **changes})


def sampler_of(kind: str, capacity: int) -> Uniform | Prioritized:
    return Uniform(capacity) if kind == "uniform" else Prioritized(capacity, 0.6)


def reloaded(state: Mapping[str, Any], folder: Path) -> Any:
    """Return a state as a checkpoint gives it back."""
    torch.save(dict(state), folder / "state.pt")
    return torch.load(folder / "state.pt", weights_only=True)
