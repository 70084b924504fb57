"""Check what an experiment returns, so that a slip in it is one plain line."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from numbers import Real
from typing import Any

import torch

from lab.engine.accumulator import MetricValue
from lab.errors import LabError


def advanced(experiment: Any, moved: Any) -> int:
    """Return how far a step says that the clock moved. Raises LabError where that is no count."""
    if type(moved) is int and moved >= 0:
        return moved
    if not isinstance(moved, (bool, torch.Tensor)):
        try:
            count = operator.index(moved)  # numpy's whole numbers too
        except TypeError:
            count = -1
        if count >= 0:
            return count
    raise LabError(
        f"{_name(experiment)}.step() returned {_repr(moved)}. It must return how far the clock "
        "moved, a whole number: the examples or env steps that were learned from, or 0 when "
        "nothing is left to do."
    )


def measured(experiment: Any, split: str, metrics: Any) -> dict[str, MetricValue]:
    """Return the metrics of an evaluation by bare name: numbers, and tensors [S] as they are.

    Raises LabError for anything but a mapping of names without a slash to single numbers,
    or tensors [S] of one for each lane.
    """
    call = f"{_name(experiment)}.evaluate({split!r})"
    if not isinstance(metrics, Mapping):
        raise LabError(
            f"{call} returned {_repr(metrics)}. It must return a dict of metrics: {{'loss': 0.3}}."
        )
    return {
        _metric(call, name): _metric_value(call, name, value) for name, value in metrics.items()
    }


def remembered(experiment: Any, state: Any) -> Mapping[str, Any]:
    """Return a state that holds a model. Raises LabError where it does not."""
    call = f"{_name(experiment)}.state_dict()"
    if not isinstance(state, Mapping):
        raise LabError(
            f"{call} returned {_repr(state)}. It must return a dict: {{'model': ..., "
            "'optimizer': ...}}."
        )
    if "model" not in state:
        raise LabError(f"{call} has no 'model': what predicts, samples and plays is kept under it.")
    return state


def _metric(call: str, name: Any) -> str:
    if isinstance(name, str) and name and "/" not in name:
        return name
    raise LabError(
        f"{call} names a metric {name!r}. Names are text without a slash, as 'loss': the runner "
        "puts the split before them."
    )


def _metric_value(call: str, name: str, value: Any) -> MetricValue:
    """Return a number, also one in a tensor or array without dimensions, or a tensor [S]."""
    if isinstance(value, torch.Tensor) and value.ndim == 1 and not value.is_complex():
        return value.detach().cpu().double()
    if isinstance(value, Real) or (hasattr(value, "item") and getattr(value, "ndim", None) == 0):
        try:
            return float(value)
        except (TypeError, ValueError, RuntimeError):  # complex, or no number at all
            pass
    raise LabError(
        f"{call} returned {_repr(value)} for {name!r}. A metric is one number: take a mean, or "
        "leave the name out where there is none."
    )


def _name(experiment: Any) -> str:
    return type(experiment).__name__


def _repr(value: Any) -> str:
    """Describe a value in a few words: a tensor or an array by its shape."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return f"a {type(value).__name__} of shape {tuple(shape)}"
    if value is None:
        return "None"
    text = repr(value)
    return f"{text if len(text) <= 40 else text[:40] + '...'} ({type(value).__name__})"
