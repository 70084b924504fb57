"""`lab gc`: free the disk of what runs no longer need, after asking."""

from __future__ import annotations

import shutil

import click

from lab.cli import common, output
from lab.messages import count


@click.command("gc", short_help="Free the disk of what runs no longer need.")
@common.selection
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@common.debug_option
def command(
    selected: common.Selected,
    yes: bool,
) -> None:
    """Delete checkpoints by clock, what was left half written, and prev.pt of finished runs.

    best.pt and last.pt always stay, and so do all metrics and media: every run can still be
    resumed, evaluated and compared. Runs that are being written are left alone.
    """
    from lab.storage import housekeeping

    paths = [path for run in selected.runs() for path in housekeeping.dispensable(run)]
    if not selected:
        paths += housekeeping.leftovers(selected.runs_dir)
    if not paths:
        output.say("There is nothing to delete.")
        return
    total = sum(housekeeping.size(path) for path in paths)
    for path in paths:
        output.say(str(path))
    if not yes:
        what = count(len(paths), "file or folder", "files and folders")
        question = f"Delete {what} ({output.size(total)})?"
        click.confirm(question, abort=True, err=True)
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    output.say(f"Freed {output.size(total)}.")
