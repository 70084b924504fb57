"""Read a series to forecast from a table, whose rows follow each other in time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import lab
from lab.data.encoding import TableColumn
from lab.data.gaps import filled
from lab.data.tables import check_columns, read_columns
from lab.messages import count
from lab_sources.sdf import Array
from lab_sources.tables import read_csv

NUMBERS = ("number", "boolean")
UNITS = {"day": 1.0, "hour": 1 / 24, "minute": 1 / 1_440, "second": 1 / 86_400}  # in days
LONGER = 1.5  # times the usual step, which months and years are not: a gap


def series(path: str, target: str, drop: str, **form: Any) -> lab.Dataset:
    """Return the columns of numbers of a CSV file, float64 [N, F], as a stream.

    target: the one column that is to be forecast; without it all are. drop: columns to leave out,
    joined by +. A column of dates tells the order of the rows. It is left out, as are columns of
    texts and empty ones, and a note says so; another tells of dates that are missing or repeated.
    What is missing in a row is interpolated, and told.
    Raises UsageError where no column of numbers is left, and where a date is missing.
    """
    name = f"series:{path}"
    frame = read_csv(path, source="series", **form)
    dropped = [word.strip() for word in drop.split("+") if word.strip()]
    check_columns(list(frame.columns), [*dropped, *filter(None, [target])], name)
    if not len(frame):
        raise lab.UsageError(f"{name} has column names, but no rows")
    chosen = [title for title in frame.columns if title not in dropped]
    columns, values, notes = read_columns(frame, chosen, name)
    values, order = _in_order(columns, values, name)
    is_kept = [c.type in NUMBERS and not np.isnan(v).all() for c, v in _pairs(columns, values)]
    names = [column.name for column, kept in zip(columns, is_kept, strict=True) if kept]
    if not names:
        raise lab.UsageError(f"{name} holds no column of numbers to forecast")
    if target and target not in names:
        raise lab.UsageError(f"{name}: {target} holds no numbers, so that it cannot be forecast")
    numbers = values[:, is_kept]
    left_out = [
        f"{column.name!r} is left out: it holds no numbers"
        for column in columns
        if column.type == "category"
    ]
    return lab.Dataset(
        filled(numbers),
        stream=True,
        features=tuple(names),
        target=tuple(filter(None, [target])),
        notes=(*notes, *order, *left_out, *_gaps(names, numbers)),
    )


def _in_order(columns: Sequence[TableColumn], values: Array, name: str) -> tuple[Array, list[str]]:
    """Return the rows by the first column of dates, and what to say of it."""
    dates = [(c.name, column) for c, column in _pairs(columns, values) if c.type == "date"]
    if not dates:
        return values, []
    title, days = dates[0]
    if np.isnan(days).any():
        row = int(np.isnan(days).argmax())
        raise lab.UsageError(f"{name}: row {row}: its {title} is missing, which orders the rows")
    steps = _steps(title, np.sort(days))
    if (np.diff(days) >= 0).all():
        return values, [f"{title!r} orders the rows, and is left out", *steps]
    order = np.argsort(days, kind="stable")
    return values[order], [f"rows are sorted by {title!r}, which is left out", *steps]


def _steps(title: str, days: Array) -> list[str]:
    """Say where sorted dates [N], in days, are not one step apart: a row is one all the same."""
    apart = np.diff(days)
    usual = float(np.median(apart[apart > 0])) if (apart > 0).any() else 0.0
    longer = apart > LONGER * usual
    said = []
    if (apart == 0).any():
        said.append(f"{count(int((apart == 0).sum()), 'row')} of {title!r} repeat the date before")
    if longer.any():
        gaps = count(int(longer.sum()), "gap")
        said.append(
            f"{title!r} has {gaps} of up to {_lasting(float(apart.max()))}, where its usual step "
            f"is {_lasting(usual)}: every row counts as one step"
        )
    return said


def _lasting(days: float) -> str:
    """Return a time in the largest unit that it fills."""
    unit = next((unit for unit, length in UNITS.items() if days >= length), "second")
    number = f"{days / UNITS[unit]:.3g}"
    return f"{number} {unit}" if number == "1" else f"{number} {unit}s"


def _gaps(names: Sequence[str], values: Array) -> list[str]:
    missing = [
        f"{int(np.isnan(column).sum()):,} of {name}"
        for name, column in zip(names, values.T, strict=True)
        if np.isnan(column).any()
    ]
    rows = count(len(values), "row")
    return [f"missing values are interpolated: {', '.join(missing)}, in {rows}"] if missing else []


def _pairs(columns: Sequence[TableColumn], values: Array) -> Sequence[tuple[TableColumn, Array]]:
    return list(zip(columns, values.T, strict=True))
