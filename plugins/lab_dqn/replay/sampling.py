"""Choose which remembered transitions to learn from.

Invariant: a position is sampled only between its `added` and its `removed`, so that sampling never
rejects.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab_dqn.replay.transitions import Array


class Uniform:
    """Every transition is equally likely."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.tail = self.size = 0

    def added(self, positions: Array) -> None:
        self.size += len(positions)

    def removed(self, positions: Array) -> None:
        self.tail = (self.tail + len(positions)) % self.capacity
        self.size -= len(positions)

    def sample(
        self, groups: int, batch: int, rng: np.random.Generator, beta: float
    ) -> tuple[Array, Array | None]:
        """Return positions [G, B], and importance weights [G, B] or None for ones."""
        offsets = rng.integers(self.size, size=(groups, batch))
        return (self.tail + offsets) % self.capacity, None

    def update(self, positions: Array, td_error: Tensor) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {"tail": self.tail, "size": self.size}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.tail, self.size = state["tail"], state["size"]


class Prioritized(Uniform):
    """Proportional prioritization (Schaul et al., 2016, section 3.3, algorithm 1).

    P(i) is proportional to (|td error| + epsilon) ** alpha; a new transition gets the largest
    priority so far; weights (N P(i)) ** -beta are scaled by their largest in the minibatch.
    """

    EPSILON = 1e-6

    def __init__(self, capacity: int, alpha: float) -> None:
        super().__init__(capacity)
        self.alpha, self.largest = alpha, 1.0
        self.leaves = 1 << (capacity - 1).bit_length()
        self.tree = np.zeros(2 * self.leaves)  # node i has children 2i and 2i + 1

    def added(self, positions: Array) -> None:
        super().added(positions)
        self._set(positions, np.full(len(positions), self.largest))

    def removed(self, positions: Array) -> None:
        super().removed(positions)
        self._set(positions, np.zeros(len(positions)))

    def sample(
        self, groups: int, batch: int, rng: np.random.Generator, beta: float
    ) -> tuple[Array, Array | None]:
        total = self.tree[1]
        strata = (np.arange(batch) + rng.random((groups, batch))) / batch  # one draw from each
        positions = self._find(strata * total)
        probability = self.tree[self.leaves + positions] / total
        weights = (self.size * probability) ** -beta
        return positions, (weights / weights.max(axis=1, keepdims=True)).astype(np.float32)

    def update(self, positions: Array, td_error: Tensor) -> None:
        """Set priorities from |td error| [B] at `positions` [B]."""
        priority = (td_error.abs().double().cpu().numpy() + self.EPSILON) ** self.alpha
        self.largest = max(self.largest, float(priority.max()))
        self._set(positions, priority)

    def _find(self, mass: Array) -> Array:
        """Descend from the root to the leaf at which the running sum passes `mass`."""
        node = np.ones(mass.shape, dtype=np.int64)
        while node.flat[0] < self.leaves:
            left = 2 * node
            weight = self.tree[left]
            # the second condition keeps rounding from leading into a branch without mass
            right = (mass >= weight) & (self.tree[left + 1] > 0)
            mass = np.where(right, mass - weight, mass)
            node = left + right
        return node - self.leaves

    def _set(self, positions: Array, priority: Array) -> None:
        node = self.leaves + positions
        self.tree[node] = priority
        while node.size and node[0] > 1:
            node = node // 2  # parents may repeat: they get the same sum again
            self.tree[node] = self.tree[2 * node] + self.tree[2 * node + 1]

    def state_dict(self) -> dict[str, Any]:
        tree = torch.from_numpy(self.tree[self.leaves : self.leaves + self.capacity].copy())
        return {**super().state_dict(), "largest": self.largest, "priorities": tree}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        self.largest = state["largest"]
        self._set(np.arange(self.capacity), state["priorities"].cpu().numpy())
