"""Gather what N environments do in T steps, with the true successors of what was cut."""

from __future__ import annotations

import numpy as np

from lab.environments.envs import Array, Step


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
