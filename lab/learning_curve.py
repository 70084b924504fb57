"""Draw the course of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.comparison.curves import Curve, read
from lab.errors import UsageError
from lab.storage.store import Run
from lab.tracking.terminal import is_watched

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot(run: Run) -> Figure:
    """Draw the objective of a run, its best value marked, above its training losses, by clock.

    Raises UsageError where it has logged neither.
    """
    from matplotlib.figure import Figure

    curves = read(run)
    objective = run.summary.get("objective", {})
    metric = str(objective.get("metric", ""))
    losses = {name: curve for name, curve in curves.items() if _is_loss(name)}
    panels = [p for p in ({metric: curves[metric]} if metric in curves else {}, losses) if p]
    if not panels:
        raise UsageError(f"{run.dir} has no metrics to draw yet")
    figure = Figure(figsize=(7, 2.5 * len(panels) + 0.5), layout="constrained")
    axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for panel, drawn in zip(axes, panels, strict=True):
        _draw(panel, drawn)
    if metric in curves and objective.get("best") is not None:
        place = (objective["best_clock"], objective["best"])
        axes[0].plot(*place, "o", color="C3", label=f"best {objective['best']:.4g}")
        axes[0].legend(frameon=False)
    axes[-1].set_xlabel(run.summary.get("clock", {}).get("name", "clock"))
    figure.suptitle(run.name)
    return figure


def _is_loss(name: str) -> bool:
    return name != "train/phase" and name.startswith("train/") and is_watched(name, "")


def _draw(axes: Any, curves: dict[str, Curve]) -> None:
    for name, curve in curves.items():
        axes.plot(curve.clock, curve.value, label=name)
    axes.grid(alpha=0.25)
    axes.set_ylabel(next(iter(curves)) if len(curves) == 1 else "training losses")
    if len(curves) > 1:
        axes.legend(frameon=False)
