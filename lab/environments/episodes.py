"""Play complete episodes: one quota for each environment, never "the first N to finish"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lab.environments.envs import Array, Envs
from lab.statistics import mean_interval


@dataclass(frozen=True)
class Episodes:
    """E finished episodes. The first N rows are the first episodes of the N environments."""

    returns: Array  # [E] undiscounted
    discounted: Array  # [E] seen from the first step
    lengths: Array  # [E] steps
    truncated: (
        Array  # [E] bool: cut by the lab (`EVALUATION_STEPS`), not by a time limit of its own
    )

    def metrics(self, split: str) -> dict[str, float]:
        """Return mean return and length, and how many episodes the lab cut; on "test" with how many
        episodes there were, and Student's 95 % interval of the mean where there were several."""
        metrics = {
            "return": self.returns.mean(),
            "length": self.lengths.mean(),
            "truncated": self.truncated.sum(),
        }
        if split == "test":
            metrics["episodes"] = len(self.returns)
            if (interval := mean_interval(self.returns)) is not None:
                metrics["return_low"], metrics["return_high"] = interval
        return {name: float(value) for name, value in metrics.items()}


def play_episodes(
    envs: Envs, act: Callable[[Array], Array], episodes: int, *, seed: int, gamma: float = 1.0
) -> Episodes:
    """Play at least `episodes` episodes, the same number in each environment.

    Taking the first to finish would favor short episodes. `act` maps observations [N, ...] to
    actions [N]. An episode that was cut counts with its return so far.
    """
    quota = -(-episodes // envs.num_envs)
    shape = (quota, envs.num_envs)
    returns, discounted = np.zeros(shape), np.zeros(shape)
    lengths, cut = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
    number = np.zeros(envs.num_envs, dtype=np.int64)  # the episode each environment is in
    column = np.arange(envs.num_envs)
    envs.reset(seed=seed)
    while (counts := number < quota).any():
        step = envs.step(act(envs.obs))
        at = number[counts & step.live], column[counts & step.live]
        reward = step.reward[counts & step.live]
        returns[at] += reward
        discounted[at] += gamma ** lengths[at] * reward
        lengths[at] += 1
        if envs.cut_after is not None:
            cut[at] = (step.truncated & ~step.terminated)[at[1]] & (lengths[at] == envs.cut_after)
            if cut[at].any():
                envs.tell_cut()
        number += step.live & (step.terminated | step.truncated)
    return Episodes(returns.ravel(), discounted.ravel(), lengths.ravel(), cut.ravel())
