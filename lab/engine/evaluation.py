"""Look at an experiment without leaving a trace in its training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lab.compute.process_env import environment
from lab.compute.rng import derive_seed
from lab.engine.accumulator import MetricValue
from lab.engine.context import Context
from lab.engine.experiment import Experiment
from lab.engine.returned import measured
from lab.options import Options


@contextmanager
def evaluation_scope(ctx: Context, purpose: str, seed: int | None = None) -> Iterator[None]:
    """Evaluate with an own seed, in eval mode, without gradients; leave no trace."""
    own = derive_seed(ctx.seed if seed is None else seed, "evaluate", purpose)
    with ctx.randomness.scoped(own), ctx.compute.evaluating():
        yield


def evaluate(
    experiment: Experiment, ctx: Context, split: str, purpose: str, seed: int | None = None
) -> dict[str, MetricValue]:
    """Return the metrics of a split by full name. Raises LabError where they are no numbers."""
    with evaluation_scope(ctx, purpose, seed):
        metrics = measured(experiment, split, experiment.evaluate(split))
    return {f"{split}/{name}": value for name, value in metrics.items()}


def method_of(capability: str) -> str:
    """Return the method that a command calls with its options: `predict_command` for `lab predict`,
    while Python calls `predict`, with arrays."""
    return f"{capability}_command"


def call_capability(
    experiment: Experiment, ctx: Context, capability: str, options: Options, seed: int | None = None
) -> Any:
    """Call the method of a capability's command, as an evaluation is called."""
    # pictures are drawn in memory: a display is not needed and may not be there
    with evaluation_scope(ctx, capability, seed), environment({"SDL_VIDEODRIVER": "dummy"}):
        return getattr(experiment, method_of(capability))(options)
