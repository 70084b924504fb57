"""`lab compare`: groups of runs side by side, with honest statistics."""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli import common, output
from lab.errors import UsageError
from lab.text import duration

if TYPE_CHECKING:
    from lab.comparison.groups import Comparison, Group

BAR = re.compile(r"([a-z]+/[a-z0-9_]+)=([-+0-9.eE]+)")


@click.command("compare", short_help="Compare groups of runs.")
@click.argument("names", nargs=-1, metavar="[RUN]...", shell_complete=common.complete_runs)
@click.option("--group", "groups", multiple=True, help="All runs of this group; may be repeated.")
@click.option("--where", multiple=True, metavar="COND", help="Only runs with config.lr<1e-3, say.")
@click.option("--by", metavar="KEY,...", help="Group by these keys of the summary or config.")
@click.option("--metric", help="What to compare; by default the test figure of the objective.")
@click.option("--threshold", type=float, help="Tell when the objective reached this value.")
@click.option("--curves", is_flag=True, help="Add the objective by clock to --json.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on stdout, a line for each group.")
@click.option(
    "--fail-under", metavar="METRIC=VALUE", help="Exit with 1 where a group's IQM is worse."
)
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(
    names: tuple[str, ...],
    groups: tuple[str, ...],
    where: tuple[str, ...],
    by: str | None,
    metric: str | None,
    threshold: float | None,
    curves: bool,
    as_csv: bool,
    fail_under: str | None,
    runs_dir: Path,
    as_json: bool,
) -> None:
    """Compare runs: names, folders or patterns; all of the runs folder where none is named.

    Runs of a group differ by seed alone. Each group shows its number of runs, the interquartile
    mean (IQM) of the metric with its 95 % bootstrap interval, mean, best, time and rate, and the
    options in which groups differ. Runs that did not finish are listed and not averaged in.
    """
    from lab.comparison.groups import compare
    from lab.comparison.selection import select

    bar = _bar(fail_under)
    if bar is not None:
        metric = metric or bar[0]
    comparison = compare(
        select(names, runs_dir, groups, where),
        by=tuple(part.strip() for part in by.split(",")) if by else (),
        metric=metric,
        threshold=threshold,
        curves=curves,
    )
    if as_json:
        output.print_json(comparison.as_dict())
    elif as_csv:
        _print_csv(comparison)
    else:
        _print(comparison)
    for one in comparison.left:
        output.say(f"{one.run} is left out: {one.state}, {one.why}")
    sys.exit(0 if bar is None else _judge(comparison, *bar))


def _bar(text: str | None) -> tuple[str, float] | None:
    match = BAR.fullmatch(text) if text else None
    if text and not match:
        raise UsageError(f"--fail-under {text!r}: write METRIC=VALUE, as test/return=475")
    return (match[1], float(match[2])) if match else None


def _judge(comparison: Comparison, metric: str, value: float) -> int:
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
    output.say(f"{comparison.metric}, {better} is better; IQM with 95 % interval")
    rows = []
    for group in comparison.groups:
        cells = _row(group)
        cells["iqm"] = f"{_cell(group.iqm)} [{_cell(group.low)}, {_cell(group.high)}]"
        del cells["low"], cells["high"]
        cells["seconds"] = duration(group.seconds)
        cells["rate"] = f"{output.number(group.rate)}/s"
        rows.append({heading: _cell(value) for heading, value in cells.items()})
    output.print_table(list(rows[0]), [list(row.values()) for row in rows])
    for pair in comparison.improvements:
        chance = f"{pair['probability']:.2f} [{pair['low']:.2f}, {pair['high']:.2f}]"
        output.say(f"P({pair['better']} better than {pair['than']}) = {chance}")


def _cell(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return output.number(value)
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
