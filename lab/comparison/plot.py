"""Draw learning curves as a picture for a paper or a slide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.comparison.curves import Curve, band, read
from lab.comparison.groups import Comparison
from lab.errors import LabError, UsageError
from lab.storage.store import Run

SUFFIXES = (".png", ".svg", ".pdf")
LABELED = 12  # more groups than this make a legend that nobody reads
PALETTE = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#b8860b",
    "#56b4e9",
    "#7b4ab5",
    "#e69f00",
    "#5a5a5a",
    "#a02c2c",
)  # distinct in the common kinds of color blindness (Okabe and Ito, 2008), on white and on black


def check(path: Path) -> None:
    """Raise UsageError where no picture can be written to `path`."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--plot {path}: the name must end in {', '.join(SUFFIXES)}")


def write(path: Path, comparison: Comparison, runs: Sequence[Run]) -> None:
    """Draw `comparison.curve` by clock: a group's IQM, and of several runs its 95 % band and the
    seeds faintly.

    Only the runs that `comparison` averages in are drawn. Raises UsageError where none has the
    metric, LabError where the file cannot be written.
    """
    from matplotlib.figure import Figure

    metric = comparison.curve
    by_name = {run.name: run for run in runs}
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    drawn = 0
    for index, group in enumerate(comparison.groups):
        curves = _curves([by_name[name] for name in group.runs], metric)
        drawn += len(curves)
        if curves:
            _draw(axes, f"{group.name} (n={len(curves)})", curves, PALETTE[index % len(PALETTE)])
    if not drawn:
        raise UsageError(f"No run has a curve of {metric!r}; --metric names another.")
    axes.set(xlabel=comparison.clock, ylabel=metric)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if len(comparison.groups) <= LABELED:
        axes.legend(frameon=False, fontsize="small")
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}") from error


def _curves(runs: Sequence[Run], metric: str) -> list[Curve]:
    curves = [read(run, metric)[metric] for run in runs]
    return [curve for curve in curves if len(curve.clock)]


def _draw(axes: Any, label: str, curves: Sequence[Curve], color: str) -> None:
    aggregate = band(curves)
    if len(curves) > 1:
        for curve in curves:
            axes.plot(curve.clock, curve.value, color=color, alpha=0.2, linewidth=0.8)
    if aggregate is not None:
        axes.plot(aggregate.x, aggregate.iqm, color=color, linewidth=2, label=label)
    if aggregate is not None and aggregate.low is not None:
        axes.fill_between(aggregate.x, aggregate.low, aggregate.high, color=color, alpha=0.15, lw=0)
