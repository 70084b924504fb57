"""`lab check NAME`: does an experiment keep the contract?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lab.cli import common, output
from lab.cli.group import debugging
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.testing import Report, Result

COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow", "expected": "yellow"}


@click.command("check", short_help="Check a plugin against the contract.")
@click.argument("experiment", required=False)
@click.option("--only", multiple=True, metavar="CHECK", help="Run this check; may be repeated.")
@click.option(
    "--time-limit",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    default=300.0,
    show_default=True,
    help="A check that takes longer has failed.",
)
@click.option("--list", "listing", is_flag=True, help="List the checks and what each promises.")
@common.json_option
@common.quiet_option
@common.debug_option
def command(
    experiment: str | None,
    only: tuple[str, ...],
    time_limit: float,
    listing: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train EXPERIMENT's preset `tiny` in a scratch folder and check every promise of the contract:
    exact resume, evaluations without side effects, reproducibility, good manners.

    EXPERIMENT is a name as in `lab run`, or a file: ./my_experiment.py. The exit code is 1 where a
    promise is broken.
    """
    from lab.testing.limits import Stopped
    from lab.testing.report import check_plugin, checks, promise

    if listing:
        output.print_table(["check", "promise"], [[name, promise(name)] for name in checks()])
        return
    if experiment is None:
        raise UsageError("Which experiment? `lab run` lists them; a file works too: ./mine.py")

    def tell(result: Result) -> None:
        if not (as_json or quiet):
            mark = click.style(f"{result.status:9}", fg=COLOURS[result.status])
            output.say(f"{mark} {result.check}")
            if debugging() and result.traceback:
                output.say(result.traceback)

    try:
        report = check_plugin(experiment, only=only, time_limit=time_limit, tell=tell)
    except Stopped as end:
        click.echo(f"Ended by {end}.", err=True)
        sys.exit(128 + end.number)
    if as_json:
        results = [asdict(result) for result in report.results]
        output.print_json(
            {"experiment": report.experiment, "passed": report.passed, "results": results}
        )
    else:
        _print(report)
    sys.exit(0 if report.passed else 1)


def _print(report: Report) -> None:
    """Print what was not simply kept, and the count."""
    notable = [result for result in report.results if result.status != "passed"]
    if notable:
        rows = [[r.check, r.status, r.message] for r in notable]
        output.print_table(["check", "result", "why"], rows)
    counts = _counts(report.results)
    output.say(f"{report.experiment}: " + ", ".join(f"{n} {status}" for status, n in counts))


def _counts(results: Sequence[Result]) -> list[tuple[str, int]]:
    statuses = [result.status for result in results]
    return [(status, statuses.count(status)) for status in COLOURS if status in statuses]
