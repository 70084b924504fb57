"""Sum rewards over n steps (Sutton & Barto, 2018, section 7.1).

Invariant: every live step starts exactly one row; a row ends after n steps or with its episode,
whichever comes first, and its discount is gamma to the number of steps it really spans.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from lab_dqn.replay.transitions import Array, Transitions


class NStep:
    """Turn single steps [T, N] into n-step rows [M], keeping unfinished windows for later."""

    def __init__(self, n: int, gamma: float) -> None:
        self.n, self.gamma = n, gamma
        self.open: Transitions | None = None  # the last n - 1 steps, with `started` rows marked

    def extend(self, steps: Transitions) -> Transitions:
        """Take a rollout of single steps, and return the rows that are complete.

        steps: obs, next_obs [T, N, k] frame indices; action, reward, discount, done, live [T, N].
        rows: obs, next_obs [M, k]; action, reward, discount [M].
        """
        steps = {**steps, "started": ~steps["live"]}  # a step that is not live starts no row
        if self.open is not None:
            steps = {name: np.concatenate([self.open[name], steps[name]]) for name in steps}
        rows, complete = self._windows(steps)
        emit = complete & ~steps["started"]
        steps["started"] |= emit
        keep = len(emit) - min(self.n - 1, len(emit))
        self.open = {name: value[keep:].copy() for name, value in steps.items()}
        return {name: value[emit] for name, value in rows.items()}

    def _windows(self, steps: Transitions) -> tuple[Transitions, Array]:
        """Return the row that starts at each step, and whether its window is complete."""
        total = len(steps["reward"])
        reward = np.zeros(steps["reward"].shape, dtype=np.float32)
        discount = np.zeros_like(reward)
        next_obs = steps["next_obs"].copy()
        ended = np.zeros(reward.shape, dtype=bool)
        for k in range(min(self.n, total)):
            at, here = slice(k, total), slice(0, total - k)
            going = ~ended[here]
            reward[here] += np.where(going, self.gamma**k * steps["reward"][at], 0.0)
            value = self.gamma**k * steps["discount"][at]
            discount[here] = np.where(going, value, discount[here])
            next_obs[here] = np.where(going[..., None], steps["next_obs"][at], next_obs[here])
            ended[here] |= steps["done"][at]
        complete = ended
        complete[: max(0, total - self.n + 1)] = True
        rows = {
            "obs": steps["obs"],
            "action": steps["action"],
            "reward": reward,
            "discount": discount,
            "next_obs": next_obs,
        }
        return rows, complete

    def state_dict(self) -> dict[str, Any]:
        rows = self.open or {}
        return {name: torch.from_numpy(value.copy()) for name, value in rows.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.open = {n: v.cpu().numpy().copy() for n, v in state.items()} or None
