"""`lab sync`: upload to W&B what runs kept offline."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lab.cli import common, output

if TYPE_CHECKING:
    from lab_wandb.internals.sync import Outcome


@click.command("sync", short_help="Upload offline runs to W&B.")
@common.selection
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    help="Seconds that an upload may take; by default 120 and what its size needs.",
)
@common.json_option
@common.debug_option
def command(
    selected: common.Selected,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Upload runs to W&B: names, folders or patterns; all of the runs folder where none is named.

    What the server has already is not sent again: after an upload that was cut short, call this
    once more. A run that is still running is left alone. Where a file is gone, the rest is
    uploaded and the run counts as incomplete. The exit code is 1 where a run failed or is
    incomplete.
    """
    from lab_wandb.internals.sync import sync

    outcomes = []
    for outcome in sync(selected.runs(), timeout):
        outcomes.append(outcome)
        for message in outcome.messages:
            output.say(f"{outcome.run}: {message}")
    if as_json:
        output.print_json([outcome.as_dict() for outcome in outcomes])
    elif outcomes:
        _print(outcomes)
    else:
        output.say(f"No runs in {selected.runs_dir}.")
    # one that was not selected by name is only skipped
    passed = ("running",) if not selected.names else ()
    sys.exit(0 if all(o.ok or o.done in passed for o in outcomes) else 1)


def _print(outcomes: list[Outcome]) -> None:
    output.print_table(
        ["run", "done", "rows", "url"],
        [[o.run, o.done, output.number(o.rows), o.url or "-"] for o in outcomes],
    )
    done = {outcome.done for outcome in outcomes}
    if done <= {"nothing new", "nothing there"}:
        output.say("Nothing was uploaded: W&B has it all, or nothing was logged to it.")
