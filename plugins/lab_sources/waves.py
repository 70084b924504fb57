"""Draw sequences of a number that swings, in four forms."""

from __future__ import annotations

import numpy as np

import lab
from lab_sources.sdf import Array

FORMS = ("sine", "square", "triangle", "sawtooth")
FREQUENCY = (1.0, 3.0)  # periods in a sequence
AMPLITUDE = (0.5, 1.5)


def waves(n: int, steps: int, noise: float, seed: int) -> lab.Dataset:
    """Return sequences float [n, steps, 1] of values around 0; class: the form.

    factors, even in their ranges: frequency [n], 1 to 3 periods in a sequence; phase [n], 0 to 2 pi
    at the first step; amplitude [n], 0.5 to 1.5.
    """
    rng = np.random.default_rng(seed)
    form = np.arange(n) % len(FORMS)
    frequency = rng.uniform(*FREQUENCY, n)
    phase = rng.uniform(0, 2 * np.pi, n)
    amplitude = rng.uniform(*AMPLITUDE, n)
    periods = frequency[:, None] * np.arange(steps) / steps + phase[:, None] / (2 * np.pi)
    values = amplitude[:, None] * _swing(form[:, None], periods)
    values += rng.normal(0, 1, values.shape) * noise
    factors = {"frequency": frequency, "phase": phase, "amplitude": amplitude}
    return lab.Dataset(values[:, :, None].astype(np.float32), form, FORMS, factors=factors)


def _swing(form: Array, periods: Array) -> Array:
    """Return values between -1 and 1 of the forms [B, 1] after so many periods [B, T]; all but the
    sawtooth, which climbs from -1 to 1, begin as a sine does."""
    part = periods % 1
    return np.choose(
        form,
        [
            np.sin(2 * np.pi * part),
            np.where(part < 0.5, 1.0, -1.0),
            4 * np.abs((part - 0.25) % 1 - 0.5) - 1,
            2 * part - 1,
        ],
    )
