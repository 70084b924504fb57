"""Lay a table of groups out for a terminal: within 120 columns, whatever the groups differ in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lab.cli import output
from lab.errors import UsageError
from lab.messages import did_you_mean, duration, listed

if TYPE_CHECKING:
    from lab.comparison.differences import Difference
    from lab.comparison.groups import Group
    from lab.comparison.tables import Table

GAP = 2
NAME, VALUE = (12, 40), 18  # characters of a group's name, and of an option's value, at most
FOLDED = 24  # characters kept for the options that have no column
SORTED_BY = ("group", "n", "mean", "iqm", "best", "seconds", "rate")

Cells = dict[str, str]


def check_keys(tables: Sequence[Table], columns: Sequence[str], sort: str | None) -> None:
    """Raise UsageError for a column or an order that no table has."""
    options = sorted({key for table in tables for group in table.groups for key in group.options})
    for flag, known, wanted in (
        ("--columns", options, columns),
        ("--sort", [*SORTED_BY, *options], [sort.removeprefix("-")] if sort else []),
    ):
        for key in wanted:
            if key not in known:
                hint = did_you_mean(key, known) or f" There is: {listed(known)}"
                raise UsageError(f"{flag}: no group has {key!r}.{hint}")


def in_order(groups: Sequence[Group], sort: str | None) -> list[Group]:
    """Return groups in the order of a key, numbers before words; as they are where none is given,
    or none has it. "-KEY" is the other way round."""
    if sort is None:
        return list(groups)
    key, falling = sort.removeprefix("-"), sort.startswith("-")

    def place(group: Group) -> tuple[bool, float, str]:
        name = {"group": "name"}.get(key, key)
        value = getattr(group, name) if key in SORTED_BY else group.options.get(key)
        number = isinstance(value, int | float)
        return not number, float(value) if number else 0.0, str(value)  # type: ignore[arg-type]

    return sorted(groups, key=place, reverse=falling)


def print_table(table: Table, columns: Sequence[str] = (), sort: str | None = None) -> None:
    """Print a table on stdout, and what its figures are above it on stderr."""
    better = "higher" if table.direction == "max" else "lower"
    with_interval = any(group.low is not None for group in table.groups)
    figure = "mean with 95 % interval" if with_interval else "mean"
    output.say(f"{table.subject}: {table.metric}, {better} is better; {figure}")
    groups = in_order(table.groups, sort)
    rows = _fixed_rows(table, groups, sum(len(key) + GAP + 8 for key in columns) or FOLDED)
    shown = list(columns) or list(dict.fromkeys(key for g in groups for key in g.differing))
    folded = [] if columns else _add_columns(rows, groups, shown)
    if columns:
        for row, group in zip(rows, groups, strict=True):
            row.update({key: cell(group.options.get(key)) for key in columns})
    if folded:
        room = max(FOLDED, output.WIDTH - _width(rows)) - GAP
        for row, group in zip(rows, groups, strict=True):
            row["other options"] = _shortened(_words(group, folded), room)
    output.print_table(list(rows[0]), [list(row.values()) for row in rows])
    for line in _remarks(table):
        output.say(line)


def _fixed_rows(table: Table, groups: Sequence[Group], room: int) -> list[Cells]:
    """Return the cells that every table has; names are shortened to leave room for others."""
    rows = [_fixed(table, group) for group in groups]
    shortest, longest = NAME
    wide = max(len(row["group"]) for row in rows)
    length = min(longest, max(shortest, wide - (_width(rows) + room - output.WIDTH)))
    for row in rows:
        row["group"] = output.middle_out(row["group"], length)
    return rows


def _fixed(table: Table, group: Group) -> Cells:
    ends = "" if group.low is None else f" [{cell(group.low)}, {cell(group.high)}]"
    cells = {
        "group": group.name,
        "n": cell(group.n),
        "mean": f"{cell(group.mean)}{ends}",
        "best": cell(group.best),
    }
    if table.differences:
        cells["vs. best"] = _verdict(table.differences, group.name)
    if (first := group.time_to_threshold) is not None:
        cells["reached"] = cell(first.reached)
        cells[f"at {table.clock}"] = cell(first.clock)
        cells["after"] = "-" if first.seconds is None else duration(first.seconds)
    return {**cells, "time": duration(group.seconds), "rate": f"{output.number(group.rate)}/s"}


def _verdict(differences: Sequence[Difference], name: str) -> str:
    found = next((difference for difference in differences if difference.than == name), None)
    if found is None:
        return "-"
    return f"{'worse' if found.shown else 'unclear'}, p={found.p_value:.2g}"


def _add_columns(rows: list[Cells], groups: Sequence[Group], keys: Sequence[str]) -> list[str]:
    """Add a column for each option that all groups have, while there is room; return the others."""
    folded = []
    for key in keys:
        values = [_shortened(cell(group.differing.get(key)), VALUE) for group in groups]
        wide = max(map(len, [key, *values])) + GAP
        if all(key in g.differing for g in groups) and _width(rows) + wide + FOLDED <= output.WIDTH:
            for row, value in zip(rows, values, strict=True):
                row[key] = value
        else:
            folded.append(key)
    return folded


def _width(rows: Sequence[Cells]) -> int:
    return sum(max(len(key), *(len(row[key]) for row in rows)) + GAP for key in rows[0])


def _words(group: Group, keys: Sequence[str]) -> str:
    told = {key for key in keys if key in group.differing} - {"experiment"}  # by the name
    own = {key: group.differing[key] for key in keys if key in told}
    return " ".join(f"{key}={cell(value)}" for key, value in own.items()) or "-"


def _remarks(table: Table) -> list[str]:
    """Return what a reader has to know of the tests, and of groups that show no spread."""
    tests = dict.fromkeys(difference.test for difference in table.differences)
    remarks = []
    if tests:
        remarks.append(
            f"p: {' or '.join(tests)} beside the best group, corrected by Holm for all pairs"
        )
    single = [group for group in table.groups if group.n == 1]
    equal = [group for group in table.groups if group.n > 1 and group.low is None]
    if single:
        remarks.append("There is no interval of one run (n = 1): --seeds 5 trains more.")
    if equal:
        remarks.append("Where all runs came to the same value, seeds show no spread: no interval.")
    return remarks


def csv_rows(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """Return a row of plain values for each group; all rows have the same keys."""
    rows = [
        {
            "data": table.subject,
            "metric": table.metric,
            "group": group.name,
            "n": group.n,
            "mean": group.mean,
            "iqm": group.iqm,
            "low": group.low,
            "high": group.high,
            "best": group.best,
            **_time_to_threshold(group),
            "seconds": group.seconds,
            "rate": group.rate,
            **{f"config.{key}": value for key, value in group.differing.items()},
        }
        for table in tables
        for group in table.groups
    ]
    keys = dict.fromkeys(key for row in rows for key in row)
    return [{key: row.get(key) for key in keys} for row in rows]


def _time_to_threshold(group: Group) -> Mapping[str, Any]:
    first = group.time_to_threshold
    if first is None:
        return {}
    return {"reached": first.reached, "at clock": first.clock, "at seconds": first.seconds}


def cell(value: Any) -> str:
    """Return a value as a cell."""
    if value is None:
        return "-"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return output.number(value)
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in value.items()) or "-"
    return ",".join(map(str, value)) or "-" if isinstance(value, list) else str(value)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
