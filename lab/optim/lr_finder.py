"""Find a learning rate by the range test: one short training under an ever larger rate."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from lab.compute.device import Compute
from lab.compute.rng import untouched
from lab.data.batches import Batch
from lab.optim.optimizers import make_optimizer
from lab.optim.options import OptimizerOptions
from lab.optim.schedules import set_rate
from lab.optim.step import Loss, make_update

if TYPE_CHECKING:
    from lab.engine.context import Context

SMOOTHING = 0.9
EXPLODED = 4.0  # times the best smoothed loss: what comes after says nothing
EDGE = 3  # points at each end whose slope is noise


@dataclass(frozen=True)
class RangeTest:
    """Rates, ascending, the loss under each, smoothed too, and the rate where it fell fastest."""

    rates: Sequence[float]
    losses: Sequence[float]
    smoothed: Sequence[float]
    suggestion: float

    def draw(self) -> Any:
        """Return a matplotlib figure of loss over rate, with the suggestion marked."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(6.0, 4.0), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.rates, self.losses, alpha=0.3)
        axes.plot(self.rates, self.smoothed)
        axes.axvline(self.suggestion, linestyle="--", label=f"{self.suggestion:.1e}")
        axes.set(xscale="log", xlabel="learning rate", ylabel="loss")
        axes.legend()
        return figure


def range_test(
    ctx: Context,
    module: nn.Module,
    options: OptimizerOptions,
    loss: Loss,
    batches: Iterable[Batch],
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
) -> RangeTest:
    """Train a copy of `module` for at most `steps` batches, the rate rising from `low` to `high` by
    a constant factor (Smith, 2017, section 3.3), until the loss explodes.

    `loss(model, batch) -> (loss, extra)` as for `Updater`. Module, optimiser, scaler and
    randomness stay as they are; where `batches` come from an order of the caller's own, that moves
    on. Raises ValueError where there are too few batches to see a slope.
    """
    compute = Compute(ctx.device, ctx.compute.precision)
    losses: list[float] = []
    rates = [low * (high / low) ** (step / (steps - 1)) for step in range(steps)]
    with untouched(), torch.enable_grad():
        clone = copy.deepcopy(module).train()
        optimizer = make_optimizer(clone, options)
        update = make_update(compute, clone, optimizer, loss, options.clip_norm)
        for batch, rate in zip(batches, rates, strict=False):
            set_rate(optimizer, rate, 1.0)
            losses.append(float(update(batch)[0]))
            if _exploded(losses):
                losses.pop()
                break
    if len(losses) < 2 * EDGE + 2:
        raise ValueError(f"{len(losses)} batches before the loss exploded say nothing of a slope")
    smoothed = smooth(losses)
    return RangeTest(
        rates[: len(losses)], losses, smoothed, steepest(rates[: len(losses)], smoothed)
    )


def smooth(losses: Sequence[float]) -> list[float]:
    """Return the running mean with exponential weights, corrected for its start at 0."""
    total, means = 0.0, []
    for number, loss in enumerate(losses, 1):
        total = SMOOTHING * total + (1.0 - SMOOTHING) * loss
        means.append(total / (1.0 - SMOOTHING**number))
    return means


def steepest(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Return the rate at which the loss falls fastest over the logarithm of the rate, up to its
    lowest point."""
    slopes = np.gradient(np.asarray(losses), np.log(rates))
    end = max(int(np.argmin(losses)), EDGE) + 1
    return float(rates[EDGE + int(np.argmin(slopes[EDGE:end]))])


def _exploded(losses: Sequence[float]) -> bool:
    smoothed = smooth(losses)
    best = min(smoothed)
    return not math.isfinite(losses[-1]) or (best > 0 and smoothed[-1] > EXPLODED * best)
