"""`lab check NAME`: does what a plugin offers keep the contract?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from lab.cli import common, output
from lab.cli.group import debugging
from lab.errors import UsageError
from lab.plugins import KINDS, discover, is_file

if TYPE_CHECKING:
    from lab.testing import Report, Result
    from lab.testing.kinds import Found

COLORS = {"passed": "green", "failed": "red", "skipped": "yellow", "expected": "yellow"}


@click.command("check", short_help="Check a plugin against the contract.")
@click.argument("name", required=False)
@click.option("--kind", type=click.Choice(KINDS), help="What NAME is, where it is several things.")
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
    name: str | None,
    kind: str | None,
    only: tuple[str, ...],
    time_limit: float,
    listing: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Check every promise of the contract that NAME makes: an experiment, a source, a tracker, a
    command, or the namespace of environments.

    An experiment's preset `tiny` is trained in a scratch folder: exact resume, evaluations without
    side effects, reproducibility, good manners. NAME may be a file, ./mine.py, which is checked for
    everything that it offers. The exit code is 1 where a promise is broken.
    """
    from lab.testing.limits import Stopped

    if listing:
        _list([kind] if kind else KINDS)
        return
    if name is None:
        raise UsageError("Check what? `lab plugins` lists all; a file works too: ./mine.py")
    try:
        reports = _check(name, kind, only, time_limit, silent=as_json or quiet)
    except Stopped as end:
        click.echo(f"Ended by {end}.", err=True)
        sys.exit(128 + end.number)
    passed = all(report.passed for report in reports)
    if as_json:
        output.print_json({"passed": passed, "results": _entries(reports)})
    else:
        for report in reports:
            _print(report)
    sys.exit(0 if passed else 1)


def _list(kinds: Sequence[str]) -> None:
    from lab.testing.report import checks, promise

    rows = [[kind, name, promise(name, kind)] for kind in kinds for name in checks(kind)]
    output.print_table(["kind", "check", "promise"], rows)


def _check(
    name: str, kind: str | None, only: tuple[str, ...], time_limit: float, silent: bool
) -> list[Report]:
    from lab.testing import check_plugin
    from lab.testing.kinds import find, refuse_ambiguous

    def print_result(result: Result) -> None:
        if not silent:
            mark = click.style(f"{result.status:9}", fg=COLORS[result.status])
            output.say(f"{mark} {result.check}")
            if debugging() and result.traceback:
                output.say(result.traceback)

    plugins = discover()
    offers = find(name, plugins, kind)
    if not is_file(name):
        refuse_ambiguous(name, offers)
    reports = []
    for offer in offers:
        if len(offers) > 1 and not silent:
            output.say(f"{offer.kind} {offer.name}")
        chosen = _chosen(only, offer, offers)
        if chosen or not only:
            report = check_plugin(
                offer.spec, only=chosen, plugins=plugins, time_limit=time_limit, tell=print_result
            )
            reports.append(report)
    return reports


def _chosen(only: Sequence[str], offer: Found, offers: Sequence[Found]) -> list[str]:
    """Return those of the checks in `only` that are for this kind of thing. One that is for none of
    the offers is left in, and is refused."""
    from lab.testing.report import checks

    every_check = {check for item in offers for check in checks(item.kind)}
    return [check for check in only if check in checks(offer.kind) or check not in every_check]


def _entries(reports: Sequence[Report]) -> list[dict[str, object]]:
    return [
        {"kind": report.kind, "name": report.name, **asdict(result)}
        for report in reports
        for result in report.results
    ]


def _print(report: Report) -> None:
    """Print the checks that did not simply pass, and the count."""
    notable = [result for result in report.results if result.status != "passed"]
    if notable:
        rows = [[r.check, r.status, r.message] for r in notable]
        output.print_table(["check", "result", "why"], rows)
    counts = _counts(report.results)
    output.say(f"{report.name}: " + ", ".join(f"{n} {status}" for status, n in counts))


def _counts(results: Sequence[Result]) -> list[tuple[str, int]]:
    statuses = [result.status for result in results]
    return [(status, statuses.count(status)) for status in COLORS if status in statuses]
