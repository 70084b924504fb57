"""Gather what N environments do in T steps, with the true successors of what was cut, and hand it
out in minibatches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from lab.environments.envs import Array, Step

if TYPE_CHECKING:
    from lab.engine.context import Context


class Rollout:
    """Steps of N environments, added one after another.

    `cut` marks transitions that bootstrap, and whose true successor is not the observation of the
    next row: those before a time limit, and the last ones.
    """

    def __init__(self) -> None:
        self.rows = list[dict[str, Array]]()
        self._next_obs: Array = np.empty(0)
        self._successors = list[Array]()

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, step: Step, **row: Array) -> None:
        """Add a step, with what else there is to keep of it [N, ...], the observation and the
        action say."""
        cut = step.truncated & ~step.terminated
        self.rows.append(
            {
                **row,
                "reward": step.reward.astype(np.float64),
                "terminated": step.terminated,
                "done": step.terminated | step.truncated,
                "live": step.live,
                "cut": cut,
            }
        )
        self._next_obs = step.next_obs
        self._successors.append(step.next_obs[cut])

    def arrays(self) -> dict[str, Array]:
        """Return arrays [T, N, ...] of every row, and `successors` [C, ...], the true ones of the C
        transitions that are `cut`, one after another."""
        last = self.rows[-1]
        last["cut"] = ~last["terminated"]
        self._successors[-1] = self._next_obs[last["cut"]]
        arrays = {name: np.array([row[name] for row in self.rows]) for name in last}
        return {**arrays, "successors": np.concatenate(self._successors)}


def next_values(value: Array, cut: Array, successor_value: Array) -> Array:
    """Return the values [T, N] of true successors: those of the next row, but where `cut` those of
    `successor_value` [C]. What follows terminated transitions is without meaning."""
    following = np.concatenate([value[1:], np.zeros_like(value[:1])])
    following[cut] = successor_value
    return following


def minibatches(
    batch: dict[str, Tensor], size: int | None, rng: np.random.Generator
) -> Iterator[dict[str, Tensor]]:
    """Yield all rows of a batch [B, ...] once: in minibatches of `size` drawn anew, the last of
    what is left, or at once where there are no more."""
    first = next(iter(batch.values()))
    if size is None or size >= len(first):
        yield batch
        return
    order = torch.from_numpy(rng.permutation(len(first))).to(first.device)
    for rows in order.split(size):
        yield {name: values[rows] for name, values in batch.items()}


def check_rollout(ctx: Context, name: str, env_steps: int, frame_bytes: int) -> None:
    """Say where a run will be longer than its budget, as rollouts are not cut. Raises UsageError
    where one of so many env steps, whose observations take `frame_bytes` each, has no room in main
    memory."""
    advice, cpu = "--n-steps or --n-envs shortens it.", torch.device("cpu")
    needed = 2 * env_steps * frame_bytes  # step by step, and as one array
    ctx.check_room(needed, f"a rollout of {env_steps:,} env steps", advice, cpu)
    if env_steps > ctx.budget:
        ctx.warn(
            f"--budget {ctx.budget:,}: a rollout of {name} is {env_steps:,} env steps, and one is "
            f"played whole. {advice}"
        )
