"""Bring runs and their metrics into pandas, one row each, to look at and to sort."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from lab.storage.store import Run

LEADING = ("name", "experiment", "target", "seed", "state", "objective")


def of_runs(runs: Iterable[Run]) -> pd.DataFrame:
    """Return a row for each run: what it is, its state, the best value of the metric that it
    selects by, and all its options by name. Lists and mappings are shown as text."""
    rows = [_row(run) for run in runs]
    names = dict.fromkeys([*LEADING, *(name for row in rows for name in row)])
    return pd.DataFrame(rows, columns=list(names))


def _row(run: Run) -> dict[str, Any]:
    summary = run.summary
    options = {name: _plain(value) for name, value in summary.get("config", {}).items()}
    own = {name: summary.get(name) for name in ("experiment", "target", "seed")}
    objective = summary.get("objective", {}).get("best")
    return {**options, "name": run.name, **own, "state": run.state, "objective": objective}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{name}={item}" for name, item in value.items())
    return value


def of_metrics(run: Run) -> pd.DataFrame:
    """Return a row for each clock at which something was logged, NaN where a metric was not."""
    return pd.DataFrame(run.metrics())
