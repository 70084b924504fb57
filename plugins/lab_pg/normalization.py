"""Standardize observations and scale rewards by what training has seen: a part of its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lab import from_plain, to_plain

Array = np.ndarray[Any, np.dtype[Any]]

EPSILON = 1e-8
FARTHEST = 10.0  # standard deviations


class Moments:
    """Mean and variance of rows [n, *shape] that come in batches (Chan, Golub & LeVeque, 1983)."""

    def __init__(self, shape: Sequence[int] = ()) -> None:
        self.count = 0
        self.mean = np.zeros(shape)
        self.variance = np.ones(shape)

    def update(self, rows: Array) -> None:
        """Count rows [n, *shape] in."""
        number = len(rows)
        if not number:
            return
        rows = rows.astype(np.float64)
        total = self.count + number
        delta = rows.mean(0) - self.mean
        squares = self.variance * self.count + rows.var(0) * number
        squares += delta**2 * self.count * number / total
        self.mean = self.mean + delta * number / total
        self.variance = squares / total
        self.count = total

    @property
    def std(self) -> Array:
        std: Array = np.sqrt(self.variance + EPSILON)
        return std

    def standardize(self, rows: Array) -> Array:
        """Return rows [..., *shape] with mean 0 and variance 1, cut at 10. Before anything was seen
        they are cut alone."""
        return np.clip((rows - self.mean) / self.std, -FARTHEST, FARTHEST)

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = to_plain(vars(self))
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        vars(self).update(from_plain(state))


class ReturnScale:
    """The running standard deviation of the discounted return of N environments, which rewards are
    divided by: values are then of one size, whatever the rewards."""

    def __init__(self, num_envs: int, gamma: float) -> None:
        self.gamma = gamma
        self.moments = Moments()
        self.returns = np.zeros(num_envs)  # since the episode began, discounted backwards

    def scale(self, reward: Array, done: Array, live: Array) -> Array:
        """Count a rollout in, and return its rewards scaled; all are [T, N]."""
        seen = np.empty_like(reward)
        for t in range(len(reward)):
            self.returns = seen[t] = self.gamma * self.returns + reward[t]
            self.returns = np.where(done[t], 0.0, self.returns)
        self.moments.update(seen[live])
        return np.clip(reward / self.moments.std, -FARTHEST, FARTHEST)

    def restart(self) -> None:
        """Forget the returns of episodes that are gone."""
        self.returns = np.zeros_like(self.returns)

    def state_dict(self) -> dict[str, Any]:
        return {"moments": self.moments.state_dict(), "returns": to_plain(self.returns)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.moments.load_state_dict(state["moments"])
        self.returns = from_plain(state["returns"])
