"""The panels that compare groups of runs, for views and for reports.

A line is a group's mean and its band the standard error of that mean. W&B averages no more than 100
runs unless a panel says how many there are (wandb/wandb#3404): so each says it. The interval of
`lab compare` is wider: 95 % of few runs is several standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from lab import LabError

INSTALL = "pip install 'rl-gen-lab[wandb-views]'"
FEWEST = 10  # W&B's own default of runs in a panel
LEAST_SWEEP = 3  # groups
DECADES = 2  # that values span from which on an axis is logarithmic
UNDER_THE_MOUSE = "[[ ${x}: ${mean}, sd ${stddev} ]]"
BY_GROUP = "${run:group} " + UNDER_THE_MOUSE
BY_RUN_SET = "${runsetName} " + UNDER_THE_MOUSE


class Library(NamedTuple):
    """The modules of wandb-workspaces."""

    ws: Any
    wr: Any
    expr: Any

    @classmethod
    def load(cls) -> Library:
        """Raises LabError where it, or W&B, is not installed."""
        names = ("workspaces", "reports.v2", "expr")
        try:
            return cls(*(import_module(f"wandb_workspaces.{name}") for name in names))
        except ImportError as error:
            raise LabError(f"Views and reports need wandb-workspaces: {INSTALL}") from error


def of_groups(sizes: Iterable[int]) -> dict[str, Any]:
    """Return how a panel shows groups of so many runs."""
    return {
        "groupby_aggfunc": "mean",
        "groupby_rangefunc": "stderr",
        "max_runs_to_show": max(FEWEST, sum(sizes)),
    }


def sized(name: str, runs: int) -> str:
    """Return a group's name with its number of runs."""
    return f"{name} (n={runs})"


def spread(sizes: Iterable[int]) -> str:
    """Return in words what lines and bands are: `mean ± standard error, n=3 to 5`."""
    low, high = min(sizes := list(sizes)), max(sizes)
    return f"mean ± standard error, n={low}" + ("" if low == high else f" to {high}")


def comparison(
    library: Library,
    objective: str,
    direction: str,
    options: Mapping[str, Sequence[Any]],
    groups: int,
) -> list[Any]:
    """Return the panels that compare groups by their end: the objective against time, what differs
    among runs and, of a sweep, the objective against the options that differ."""
    shown = [_against_time(library, objective, direction), library.wr.RunComparer(diff_only=True)]
    if options and groups >= LEAST_SWEEP:
        shown.append(_sweep(library, options, objective, direction))
    return shown


def _against_time(library: Library, objective: str, direction: str) -> Any:
    """Return a scatter plot of the objective's best value against the seconds that a run took."""
    return library.wr.ScatterPlot(
        title=f"{objective} by seconds",
        x=library.wr.SummaryMetric("seconds"),
        y=_best(library, objective, direction),
    )


def _sweep(
    library: Library, options: Mapping[str, Sequence[Any]], objective: str, direction: str
) -> Any:
    """Return parallel coordinates of options and the objective, the better values above."""
    column, wr = library.wr.ParallelCoordinatesPlotColumn, library.wr
    columns = [
        column(metric=wr.Config(name), display_name=name, log=_spans_decades(values) or None)
        for name, values in options.items()
    ]
    last = column(
        metric=_best(library, objective, direction),
        display_name=objective,
        inverted=direction == "min" or None,
    )
    return wr.ParallelCoordinatesPlot(title=f"{objective} by options", columns=[*columns, last])


def _best(library: Library, objective: str, direction: str) -> Any:
    """Return the objective's best value, which the tracker has in W&B's summary of a run."""
    return library.wr.SummaryMetric(f"{objective}.{direction}")


def _spans_decades(values: Sequence[Any]) -> bool:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(values) or min(numbers) <= 0:
        return False
    return math.log10(max(numbers) / min(numbers)) >= DECADES
