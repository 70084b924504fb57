"""Say how much of the data is left after each step of noise."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

FIRST, LAST = 1e-4, 0.02  # variances that are added with 1000 steps
OFFSET = 0.008  # so that the first steps are not too small
MOST = 0.999  # of a variance


def linear(timesteps: int) -> Tensor:
    """Return variances beta [T] that grow evenly from 0.0001 to 0.02 (Ho et al., 2020, section 4);
    other numbers of steps than 1000 add as much in all."""
    scale = 1_000 / timesteps
    betas = torch.linspace(scale * FIRST, scale * LAST, timesteps, dtype=torch.float64)
    return betas.clamp(max=MOST)


def cosine(timesteps: int) -> Tensor:
    """Return variances beta [T] by which alpha-bar falls as a squared cosine (Nichol and Dhariwal,
    2021, equation 17)."""
    time = torch.linspace(0, 1, timesteps + 1, dtype=torch.float64)
    left = ((time + OFFSET) / (1 + OFFSET) * math.pi / 2).cos().square()
    return (1 - left[1:] / left[:-1]).clamp(max=MOST)


SCHEDULES: Mapping[str, Callable[[int], Tensor]] = {"linear": linear, "cosine": cosine}


def alpha_bar(name: str, timesteps: int) -> Tensor:
    """Return the fraction of the variance of x_t that is the data's, float64 [T + 1]: 1 at t = 0,
    then the products of 1 - beta (Ho et al., 2020, equation 4)."""
    kept = (1 - SCHEDULES[name](timesteps)).cumprod(0)
    return torch.cat([kept.new_ones(1), kept])
