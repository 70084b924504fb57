"""Explore: take random actions now and then, and hold them optionally.

Where a task needs one action many times over, single random actions cancel out. Dabney, Ostrovski
and Barreto, "Temporally-extended epsilon-greedy exploration" (ICLR 2021), hold a random action for
a heavy-tailed number of steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

DECAY = 2.0  # P(n steps) is proportional to n ** -2: their section 3
LONGEST = 10_000  # as theirs; episodes end it before


class Exploration:
    """Whether, and with what action, each of N environments explores.

    Invariant: an environment with `left` > 0 takes `action` for as many further steps.
    """

    def __init__(self, num_envs: int, actions: int, hold: bool) -> None:
        self.actions, self.hold = actions, hold
        self.action = np.zeros(num_envs, np.int64)
        self.left = np.zeros(num_envs, np.int64)
        self._drawn: Iterator[tuple[Array, ...]] = iter(())

    def draw_ahead(self, rng: np.random.Generator, steps: int) -> None:
        """Let chance decide for some steps at once, which is faster than one by one. What is left
        of an older draw is dropped: it is no state."""
        shape = steps, len(self.action)
        drawn = [rng.random(shape), rng.integers(self.actions, size=shape)]
        if self.hold:
            drawn.append(np.minimum(rng.zipf(DECAY, shape), LONGEST))
        self._drawn = zip(*drawn, strict=True)

    def draw(self, rng: np.random.Generator, epsilon: float) -> tuple[Array, Array]:
        """Return which environments explore [N] and their random actions [N]: each flips a coin of
        its own."""
        drawn = next(self._drawn, None)
        if drawn is None:
            self.draw_ahead(rng, 1)
            drawn = next(self._drawn)
        coin, action, *steps = drawn
        explore = coin < epsilon
        if not self.hold:
            return explore, action
        holding = self.left > 0
        self.action = np.where(holding, self.action, action)
        self.left = np.where(holding, self.left, np.where(explore, steps[0], 0))
        exploring = self.left > 0
        self.left -= exploring
        return exploring, self.action

    def end(self, over: Array) -> None:
        """Let go of what is held where an episode is over [N]."""
        self.left[over] = 0

    def state_dict(self) -> dict[str, list[int]]:
        return {"action": self.action.tolist(), "left": self.left.tolist()}

    def load_state_dict(self, state: Mapping[str, list[int]]) -> None:
        self.action = np.array(state["action"], np.int64)
        self.left = np.array(state["left"], np.int64)


def nearly_greedy(
    q: Callable[[Array], Array], epsilon: float, rng: np.random.Generator
) -> Callable[[Array], Array]:
    """Return what acts by the largest of Q-values [N, A], but for a fraction of the actions."""

    def act(obs: Array) -> Array:
        values = q(obs)
        greedy: Array = values.argmax(1)
        if not epsilon:
            return greedy
        random = rng.integers(values.shape[1], size=len(greedy))
        return np.where(rng.random(len(greedy)) < epsilon, random, greedy)

    return act
