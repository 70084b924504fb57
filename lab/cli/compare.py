"""`lab compare`: groups of runs side by side, with honest statistics."""

from __future__ import annotations

import csv
import math
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.cli import common, output
from lab.cli.comparison_table import check_keys, csv_rows, print_table
from lab.errors import UsageError
from lab.outputs import check_folder

if TYPE_CHECKING:
    from lab.comparison.tables import Comparison, ComparisonQuery
    from lab.storage.store import Run

FILE = click.Path(path_type=Path, dir_okay=False)
METRIC_VALUE = re.compile(r"([a-z]+/[a-z0-9_]+)=(.+)")


@click.command("compare", short_help="Compare groups of runs.")
@common.selection
@common.comparison_query
@click.option("--curves", is_flag=True, help="Add the objective by clock to --json.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on stdout, a line for each group.")
@click.option(
    "--plot", type=FILE, metavar="FILE", help="Draw learning curves with bands: .png, .svg, .pdf."
)
@click.option("--html", type=FILE, metavar="FILE", help="Write one page that opens from disk.")
@click.option(
    "--fail-under", metavar="METRIC=VALUE", help="Exit with 1 where a group's mean is worse."
)
@click.option(
    "--columns", metavar="KEY,...", callback=common.keys, help="Show these options, and no others."
)
@click.option("--sort", metavar="KEY", help="Order rows by a column or an option; -KEY falls.")
@common.json_option
@common.debug_option
def command(
    selected: common.Selected,
    make_query: Callable[..., ComparisonQuery],
    curves: bool,
    as_csv: bool,
    plot: Path | None,
    html: Path | None,
    fail_under: str | None,
    columns: tuple[str, ...],
    sort: str | None,
    as_json: bool,
) -> None:
    """Compare runs: names, folders or patterns; all of the runs folder where none is named.

    There is a table for each data set or environment and objective. Runs of a group differ by seed
    alone. Each group shows its number of runs, the mean of the metric with its 95 % interval where
    there are several runs, the best one, whether it is worse than the first by more than chance,
    time and rate, and the options in which groups differ. Runs that did not finish are listed and
    not averaged in.
    """
    from lab.api import compare

    if (columns or sort) and (as_csv or as_json):
        raise UsageError("--columns and --sort lay the table out; CSV and JSON have all there is.")
    _check_pictures(plot, html)
    limit = _parse_fail_under(fail_under)
    runs = selected.runs()
    query = make_query(limit[0] if limit else None)
    comparison = compare(runs, **asdict(query), curves=curves)
    check_keys(comparison.tables, columns, sort)
    if plot:
        _draw(plot, comparison, runs)
    if html:
        _write_page(html, runs, query)
    if as_json:
        output.print_json(comparison.as_dict())
    elif as_csv:
        _print_csv(comparison)
    else:
        _print(comparison, columns, sort)
    for excluded in comparison.excluded:
        output.say(f"{excluded.run} is left out: {excluded.state}, {excluded.why}")
    sys.exit(0 if limit is None else _exit_code(comparison, *limit))


def _check_pictures(plot: Path | None, html: Path | None) -> None:
    """Refuse at once what could not be written after long work."""
    if plot:
        from lab.comparison.plot import check

        check(plot)
    if html:
        from lab.comparison.page import plotly

        plotly()
    for option, path in (("--plot", plot), ("--html", html)):
        if path:
            check_folder(option, path)


def _draw(path: Path, comparison: Comparison, runs: Sequence[Run]) -> None:
    from lab.comparison.plot import write

    write(path, comparison, runs)
    objectives = dict.fromkeys(table.objective for table in comparison.tables)
    output.say(f"Curves of {', '.join(objectives)}: {path}")


def _write_page(path: Path, runs: Sequence[Run], query: ComparisonQuery) -> None:
    from lab.comparison.page import write
    from lab.comparison.report import gather

    write(path, gather(runs, query), runs)
    output.say(f"Page: {path}")


def _parse_fail_under(text: str | None) -> tuple[str, float] | None:
    if text is None:
        return None
    try:
        match = METRIC_VALUE.fullmatch(text)
        limit = (match[1], float(match[2])) if match else None
    except ValueError:
        limit = None
    if limit is None or not math.isfinite(limit[1]):
        raise UsageError(f"--fail-under {text!r}: write METRIC=VALUE, as test/return=475")
    return limit


def _exit_code(comparison: Comparison, metric: str, value: float) -> int:
    if all(metric != table.metric for table in comparison.tables):
        compared = ", ".join(dict.fromkeys(table.metric for table in comparison.tables))
        raise UsageError(f"--fail-under names {metric}, and what is compared is {compared}")
    failed = False
    for table in comparison.tables:
        sign = 1 if table.direction == "max" else -1
        for group in table.groups if table.metric == metric else ():
            if sign * group.mean < sign * value:
                failed = True
                found = output.number(group.mean)
                output.say(f"{group.name}: {metric} {found} is worse than {value:g}")
    return int(failed)


def _print_csv(comparison: Comparison) -> None:
    rows = csv_rows(comparison.tables)
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print(comparison: Comparison, columns: Sequence[str], sort: str | None) -> None:
    for number, table in enumerate(comparison.tables):
        if number:
            click.echo()
        print_table(table, columns, sort)
