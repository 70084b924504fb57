"""`lab wandb view`: saved views of runs on W&B."""

from __future__ import annotations

from pathlib import Path

import click

from lab.cli import common
from lab_wandb.commands.publish import out_option, publish, readable, say_what_lacks


@click.command("view", short_help="Make a view that compares runs.")
@common.selection
@click.option("--name", default="lab", show_default=True, help="Name of the view.")
@out_option
@common.json_option
@common.debug_option
def command(
    selected: common.Selected,
    name: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Make a view of runs: names, folders or patterns; all of the runs folder where none is named.

    It compares groups, the objective first: curves with standard errors, the objective against
    time, the options that differ; then come all other metrics. Runs of several data sets or
    environments get a view each. With a key it is saved on W&B, in place of the last one of that
    name, and its address is printed; without one its JSON is, and kept in the runs folder.
    """
    from lab.messages import slug
    from lab_wandb import pages, view

    runs = readable(selected)
    entity, project = pages.home(runs)
    kept = selected.runs_dir / f"wandb-view-{slug(name)}.json"
    publish(view.build(name, project, runs), entity, out, kept, as_json)
    say_what_lacks(runs)
