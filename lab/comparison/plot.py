"""Draw learning curves as a picture for a paper or a slide."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lab.comparison.curves import Curve, band, read
from lab.comparison.groups import fitted_at_once
from lab.comparison.tables import Comparison, Table
from lab.errors import LabError, UsageError
from lab.storage.store import Run, replacing

SUFFIXES = (".png", ".svg", ".pdf")
MARGIN = 0.05  # of the axis, above and below the curves
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


def palette(number: int) -> list[str]:
    """Return colors, no two alike: after those of the palette, hues by the golden angle."""
    more = range(max(0, number - len(PALETTE)))
    hues = [colorsys.hls_to_rgb(i * 0.618034 % 1, 0.35 + 0.1 * (i % 3), 0.6) for i in more]
    made = ["#" + "".join(f"{round(255 * part):02x}" for part in hue) for hue in hues]
    return [*PALETTE, *made][:number]


def check(path: Path) -> None:
    """Raise UsageError where no picture can be written to `path`."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--plot {path}: the name must end in {', '.join(SUFFIXES)}")


def write(path: Path, comparison: Comparison, runs: Sequence[Run]) -> None:
    """Draw the curve of each table by clock, one below the other: a group's mean, and of several
    runs its 95 % band and the seeds faintly. A group that was fitted at once is a level line.

    Only the runs that `comparison` averages in are drawn. Raises UsageError where none has the
    metric, LabError where the file cannot be written.
    """
    from matplotlib.figure import Figure

    by_name = {run.name: run for run in runs}
    number = len(comparison.tables)
    figure = Figure(figsize=(8, 1 + 4 * number), layout="constrained")
    drawn = [
        _draw_table(axes, table, by_name)
        for axes, table in zip(figure.subplots(number, squeeze=False)[:, 0], comparison.tables,
                               strict=True)
    ]  # fmt: skip
    if not any(drawn):
        metrics = ", ".join(dict.fromkeys(table.objective for table in comparison.tables))
        raise UsageError(f"No run has a curve of {metrics}.")
    try:
        with replacing(path) as file:
            figure.savefig(file, dpi=150)
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}") from error


def _draw_table(axes: Any, table: Table, by_name: Mapping[str, Run]) -> int:
    """Draw the groups of a table; return how many curves there are."""
    metric, drawn, low, high = table.objective, 0, math.inf, -math.inf
    colors = palette(len(table.groups))
    for index, group in enumerate(table.groups):
        runs = [by_name[name] for name in group.runs]
        found = [(run, read(run, metric)[metric]) for run in runs]
        curves = [curve for _, curve in found if len(curve.clock)]
        drawn += len(curves)
        if not curves:
            continue
        label, color = f"{group.name} (n={len(curves)})", colors[index]
        if all(fitted_at_once(run, curve) for run, curve in found):
            _draw_level(axes, label, curves, color)
        else:
            _draw(axes, label, curves, color)
        values = np.concatenate([curve.value for curve in curves])
        low, high = min(low, float(np.nanmin(values))), max(high, float(np.nanmax(values)))
    axes.set(title=table.subject, xlabel=table.clock, ylabel=metric)
    if low < high:  # the band of two or three runs is many times as wide as their curves
        axes.set_ylim(low - MARGIN * (high - low), high + MARGIN * (high - low))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if drawn and len(table.groups) <= LABELED:
        axes.legend(frameon=False, fontsize="small")
    return drawn


def _draw_level(axes: Any, label: str, curves: Sequence[Curve], color: str) -> None:
    level = float(np.mean([curve.value[-1] for curve in curves]))
    axes.axhline(level, color=color, linewidth=2, linestyle="--", label=label)


def _draw(axes: Any, label: str, curves: Sequence[Curve], color: str) -> None:
    aggregate = band(curves)
    if len(curves) > 1:
        for curve in curves:
            axes.plot(curve.clock, curve.value, color=color, alpha=0.2, linewidth=0.8)
    if aggregate is not None:
        axes.plot(aggregate.x, aggregate.mean, color=color, linewidth=2, label=label)
    if aggregate is not None and aggregate.low is not None:
        axes.fill_between(aggregate.x, aggregate.low, aggregate.high, color=color, alpha=0.15, lw=0)
