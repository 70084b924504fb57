"""Draw a series with a trend and a season, both of which change from time to time."""

from __future__ import annotations

import numpy as np

import lab
from lab_sources.sdf import Array

PERIODS = (12, 24, 16)  # steps, by regime
AMPLITUDES = (1.0, 2.0, 0.5)
SLOPES = (0.01, -0.01, 0.0)  # a step


def regimes(n: int, noise: float, duration: int, seed: int) -> lab.Dataset:
    """Return a stream float [n, 1]: a trend, a season and noise.

    Period and amplitude of the season and the slope of the trend are those of one of three regimes,
    which changes to one of the others at each step with probability 1 / duration. factors: regime
    [n], trend [n] and season [n], which with the noise add up to the series.
    """
    rng = np.random.default_rng(seed)
    changes = rng.random(n) < 1 / duration
    changes[0] = False
    turns = np.where(changes, rng.integers(1, len(PERIODS), n), 0)
    regime = np.cumsum(turns) % len(PERIODS)
    phase = 2 * np.pi * _before(1 / np.array(PERIODS)[regime])
    season = np.array(AMPLITUDES)[regime] * np.sin(phase)
    trend = _before(np.array(SLOPES)[regime])
    values = trend + season + rng.normal(0, 1, n) * noise
    return lab.Dataset(
        values[:, None].astype(np.float32),
        factors={"regime": regime, "trend": trend, "season": season},
        features=("value",),
        stream=True,
    )


def _before(steps: Array) -> Array:
    """Return the sum [N] of what comes before each step."""
    return np.cumsum(steps) - steps
