"""Say why a step failed, or why a metric is no finite number, by looking at inputs and weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import torch

from lab.engine.context import Context
from lab.engine.experiment import Experiment
from lab.errors import Diverged, LabError, UsageError, reason

REMEDY = "A smaller learning rate or gradient clipping usually helps."
TOO_FEW = "Expected more than 1 value per channel when training"  # torch's own words
ONE_EXAMPLE = (
    "BatchNorm cannot train on one example at a time: each part of a batch needs two. Give a "
    "larger --batch-size, or fewer --grad-accum-steps."
)
UNTRAINED = (
    "the data, the environment, the network or its initialization is the cause, not the training"
)


def check_finite(metrics: Mapping[str, float], experiment: Experiment, ctx: Context) -> None:
    """Raise Diverged that names the first metric which is no finite number, and the cause."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise Diverged(_explained(name, value, experiment, ctx))


def explain(error: Exception, ctx: Context) -> None:
    """Raise what says more of an error that ended a step or an evaluation: UsageError where batches
    are too small for BatchNorm, Diverged where inputs were not finite, or nothing was trained."""
    if isinstance(error, LabError) and not isinstance(error, Diverged):
        return  # it says what it is
    if TOO_FEW in str(error):
        raise UsageError(ONE_EXAMPLE) from error
    cause = _input_cause(ctx)
    if cause is not None:
        raise Diverged(f"{reason(error).rstrip('.')}. Before that, {cause}.") from error
    if isinstance(error, Diverged) and ctx.clock == 0:
        raise Diverged(f"Before any training: {UNTRAINED}. It shows as: {error}") from error


def _explained(name: str, value: float, experiment: Experiment, ctx: Context) -> str:
    became = f"{name} became {value} by clock {ctx.clock}"
    cause = _input_cause(ctx)
    if cause is not None:
        return f"{became}: {cause}. No option of training mends that."
    weights = _weights(experiment, ctx)
    if ctx.clock == 0:
        where = f" ({weights} is not finite)" if weights else ""
        return f"{name} is {value} before any training: {UNTRAINED}{where}."
    if weights is None:
        return (
            f"{became}, while all weights are finite: look at what it is computed from, a division "
            f"by 0 or the log of 0 perhaps. {REMEDY}"
        )
    return f"{became}: training diverged, {weights} is not finite. {REMEDY}"


def _input_cause(ctx: Context) -> str | None:
    """Say which input of the run is not finite. Looking may not hide the original error."""
    with suppress(Exception):
        return ctx.not_finite()
    return None


def _weights(experiment: Experiment, ctx: Context) -> str | None:
    """Name the first weights that are not finite; None where all are."""
    with suppress(Exception), torch.no_grad():
        parameters = [p for module in ctx.compute.modules for p in module.named_parameters()]
        for name, weights in parameters or _tensors(experiment.state_dict()["model"], "model"):
            if weights.is_floating_point() and not bool(torch.isfinite(weights).all()):
                return name
    return None


def _tensors(state: Any, name: str) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(state, torch.Tensor):
        yield name, state
    elif isinstance(state, Mapping):
        for key, item in state.items():
            yield from _tensors(item, f"{name}.{key}")
