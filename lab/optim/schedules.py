"""Give the learning rate as a function of progress, from 0 at the start to 1 at the budget.

No state is kept: a resumed run goes on along the same curve at its progress.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from lab.optim.options import OptimizerOptions

START = 1 / 25  # fraction of the peak that a warm-up begins at: at 0 the first step would be lost
WARMUPS = {
    "one-cycle": 0.3,
    "inverse-sqrt": 0.04,
}  # of the budget; the latter 4,000 steps of 100,000
LOWEST = 1e-7  # of the peak: where a range test begins

Curve = Callable[[float, float], float]
"""Fraction of the way from the peak that is done, and where the peak stands -> fraction left."""


def half_cosine(done: float, top: float = 0.0) -> float:
    return (1.0 + math.cos(math.pi * done)) / 2.0


def exponential_rise(done: float, top: float) -> float:
    return float(LOWEST ** (1.0 - done))


def inverse_root(done: float, top: float) -> float:
    return math.sqrt(top / (top + (1.0 - top) * done))


SCHEDULES: Mapping[str, Curve | None] = {  # None: the peak is kept
    "constant": None,
    "cosine": half_cosine,
    "one-cycle": half_cosine,
    "linear": lambda done, top: 1.0 - done,
    "inverse-sqrt": inverse_root,
    "range-test": exponential_rise,
}


def rate(options: OptimizerOptions, progress: float) -> float:
    """Return the factor of the peak learning rate at `progress`.

    cosine: linear warm-up, then half a cosine (Loshchilov & Hutter, 2017, equation 5, one cycle).
    one-cycle: half a cosine up, half a cosine down (Smith & Topin, 2018, section 3).
    linear: linear warm-up, then a line. constant: linear warm-up, then 1.
    inverse-sqrt: linear warm-up, then 1 / sqrt(step) (Vaswani et al., 2017, equation 3).
    range-test: up to the peak by a constant factor (Smith, 2017, section 3.3); see `lab lr`.
    """
    progress = min(max(progress, 0.0), 1.0)
    top = warmup(options)
    if progress < top:
        risen = progress / top
        if options.schedule == "one-cycle":
            risen = 1.0 - half_cosine(risen)
        return START + (1.0 - START) * risen
    curve = SCHEDULES[options.schedule]
    if curve is None:
        return 1.0
    left = curve((progress - top) / (1.0 - top), top)
    return options.final_lr_ratio + (1.0 - options.final_lr_ratio) * left


def is_scheduled(options: OptimizerOptions) -> bool:
    """Tell whether the learning rate ever changes."""
    return SCHEDULES[options.schedule] is not None or warmup(options) > 0


def warmup(options: OptimizerOptions) -> float:
    """Return the fraction of the budget over which the learning rate rises."""
    if options.warmup_fraction is not None:
        return options.warmup_fraction
    return WARMUPS.get(options.schedule, 0.0)


def set_rate(optimizer: torch.optim.Optimizer, base: float, factor: float) -> None:
    """Set the learning rate of every parameter group to `base * factor`."""
    for group in optimizer.param_groups:
        group["lr"] = base * factor
