"""Draw forecasts beside what came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

MOST = 12  # forecasts that are shown


def draw(truth: Tensor, forecasts: Mapping[str, Tensor], name: str) -> Any:
    """Return a matplotlib figure of forecasts [B, H], each following on the one before, by whose
    they are, beside the truth [B, H]."""
    from matplotlib.figure import Figure

    count, horizon = truth.shape
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(truth.flatten().cpu().numpy(), color="black", linewidth=1, label="truth")
    for color, (label, values) in zip(("C0", "C1"), forecasts.items(), strict=False):
        for number in range(count):
            steps = range(number * horizon, (number + 1) * horizon)
            once = None if number else label
            axes.plot(steps, values[number].cpu().numpy(), color=color, linewidth=1, label=once)
    for number in range(1, count):
        axes.axvline(number * horizon - 0.5, color="lightgray", linewidth=0.5, zorder=0)
    axes.set(xlabel="step of the test split", ylabel=name)
    axes.legend()
    return figure
