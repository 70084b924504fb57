"""`lab compare`: groups of runs side by side, with honest statistics."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli import common, output
from lab.errors import UsageError
from lab.messages import duration
from lab.outputs import check_folder

if TYPE_CHECKING:
    from lab.comparison.groups import Comparison, ComparisonQuery, Group
    from lab.storage.store import Run

FILE = click.Path(path_type=Path, dir_okay=False)
METRIC_VALUE = re.compile(r"([a-z]+/[a-z0-9_]+)=([-+0-9.eE]+)")


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
    "--fail-under", metavar="METRIC=VALUE", help="Exit with 1 where a group's IQM is worse."
)
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
    as_json: bool,
) -> None:
    """Compare runs: names, folders or patterns; all of the runs folder where none is named.

    Runs of a group differ by seed alone. Each group shows its number of runs, the interquartile
    mean (IQM) of the metric, with its 95 % bootstrap interval where there are several runs, mean,
    best, time and rate, and the options in which groups differ. Runs that did not finish are listed
    and not averaged in.
    """
    from lab.api import compare

    _check_pictures(plot, html)
    limit = _parse_fail_under(fail_under)
    runs = selected.runs()
    query = make_query(limit[0] if limit else None)
    by, metric, threshold = query.by, query.metric, query.threshold
    comparison = compare(runs, by=by, metric=metric, threshold=threshold, curves=curves)
    if plot:
        _draw(plot, comparison, runs)
    if html:
        _write_page(html, runs, query)
    if as_json:
        output.print_json(comparison.as_dict())
    elif as_csv:
        _print_csv(comparison)
    else:
        _print(comparison)
    for excluded in comparison.left:
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
    output.say(f"Curves of {comparison.curve}: {path}")


def _write_page(path: Path, runs: Sequence[Run], query: ComparisonQuery) -> None:
    from lab.comparison.page import write
    from lab.comparison.report import gather

    write(path, gather(runs, query), runs)
    output.say(f"Page: {path}")


def _parse_fail_under(text: str | None) -> tuple[str, float] | None:
    match = METRIC_VALUE.fullmatch(text) if text else None
    if text and not match:
        raise UsageError(f"--fail-under {text!r}: write METRIC=VALUE, as test/return=475")
    return (match[1], float(match[2])) if match else None


def _exit_code(comparison: Comparison, metric: str, value: float) -> int:
    if metric != comparison.metric:
        raise UsageError(f"--fail-under names {metric}, --metric {comparison.metric}")
    sign = 1 if comparison.direction == "max" else -1
    worse = [g for g in comparison.groups if sign * g.iqm < sign * value]
    for group in worse:
        output.say(f"{group.name}: {metric} {output.number(group.iqm)} is worse than {value:g}")
    return 1 if worse else 0


def _row(group: Group) -> dict[str, Any]:
    """Return a group as plain cells by heading."""
    passage = group.passage
    passed = {} if passage is None else {
        "reached": passage.reached, "at clock": passage.clock, "at seconds": passage.seconds
    }  # fmt: skip
    return {
        "group": group.name,
        "n": group.n,
        "iqm": group.iqm,
        "low": group.low,
        "high": group.high,
        "mean": group.mean,
        "best": group.best,
        **passed,
        "seconds": group.seconds,
        "rate": group.rate,
        **group.differing,
    }


def _print_csv(comparison: Comparison) -> None:
    rows = [_row(group) for group in comparison.groups]
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print(comparison: Comparison) -> None:
    better = "higher" if comparison.direction == "max" else "lower"
    with_interval = [group for group in comparison.groups if group.low is not None]
    statistic = "IQM with 95 % interval" if with_interval else "IQM"
    output.say(f"{comparison.metric}, {better} is better; {statistic}")
    rows = []
    for group in comparison.groups:
        cells = _row(group)
        ends = f" [{_cell(group.low)}, {_cell(group.high)}]" if group in with_interval else ""
        cells["iqm"] = f"{_cell(group.iqm)}{ends}"
        del cells["low"], cells["high"]
        cells["seconds"] = duration(group.seconds)
        cells["rate"] = f"{output.number(group.rate)}/s"
        rows.append({heading: _cell(value) for heading, value in cells.items()})
    output.print_table(list(rows[0]), [list(row.values()) for row in rows])
    for pair in comparison.improvements:
        probability = f"{pair['probability']:.2f} [{pair['low']:.2f}, {pair['high']:.2f}]"
        output.say(f"P({pair['better']} better than {pair['than']}) = {probability}")
    if len(with_interval) < len(comparison.groups):
        output.say("There is no interval where a task has one run (n = 1): --seeds 5 trains more.")


def _cell(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return output.number(value)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
