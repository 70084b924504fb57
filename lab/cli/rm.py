"""`lab rm RUN...`: delete runs, after asking."""

from __future__ import annotations

import click

from lab.cli import common, output
from lab.errors import UsageError
from lab.messages import count


@click.command("rm", short_help="Delete runs.")
@common.selection
@common.state_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@common.debug_option
def command(
    selected: common.Selected,
    state: str | None,
    yes: bool,
) -> None:
    """Delete runs with all their files: names, folders or patterns, a --group, or those --where
    something holds. What trackers sent elsewhere stays there. A run that is written is refused.
    """
    from lab.storage import housekeeping

    if not (selected or state):
        raise UsageError("Say which runs: by name, --group, --where or --state.")
    runs = selected.runs(state)
    if not runs:
        output.say("No run fits; nothing is deleted.")
        return
    total = sum(housekeeping.size(run.dir) for run in runs)
    for run in runs:
        output.say(f"{run.name}  {run.state}")
    if not yes:
        click.confirm(
            f"Delete {count(len(runs), 'run')} ({output.size(total)})?", abort=True, err=True
        )
    for run in runs:
        housekeeping.remove(run)
    output.say(f"Deleted {count(len(runs), 'run')}, {output.size(total)}.")
