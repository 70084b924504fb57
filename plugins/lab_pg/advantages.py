"""Estimate advantages from rewards and values.

Schulman et al., "High-dimensional continuous control using generalized advantage estimation"
(ICLR 2016), equations 11 to 16.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def gae(
    reward: Array,
    value: Array,
    next_value: Array,
    terminated: Array,
    done: Array,
    gamma: float,
    lambda_: float,
) -> Array:
    """Return advantages [T, N] of T steps in N environments, each argument [T, N].

    next_value: that of the true successor: where an episode was cut, of its last observation.
    terminated: nothing follows, so that nothing is bootstrapped from.
    done: the episode ended, by itself or cut: what comes after is another one.

    A_t = d_t + gamma lambda A_{t+1} with d_t = r_t + gamma V(s_{t+1}) - V(s_t). With lambda 1 and
    no bootstrapped value it is the Monte-Carlo return less V(s_t).
    """
    delta = reward + gamma * np.where(terminated, 0.0, next_value) - value
    decay = np.where(done, 0.0, gamma * lambda_)
    advantage = np.empty_like(delta)
    following = np.zeros(delta.shape[1:])
    for t in reversed(range(len(delta))):
        advantage[t] = following = delta[t] + decay[t] * following
    return advantage


def explained_variance(value: Array, target: Array) -> float | None:
    """Return how much of the variance of targets [n] values [n] explain: 1 all, 0 nothing, less
    where they are worse than a constant. None where targets do not vary."""
    variance = target.var() if target.size else 0.0
    return float(1.0 - (target - value).var() / variance) if variance > 0 else None
