"""`lab wandb view`: a saved view of runs on W&B."""

from __future__ import annotations

from pathlib import Path

import click

from lab.cli import common, output


@click.group("wandb", short_help="Make views of runs on W&B.")
def group() -> None:
    """Arrange what W&B shows."""


@group.command("view", short_help="Make a view that compares runs.")
@common.selection
@click.option("--name", default="lab", show_default=True, help="Name of the view.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the view's JSON here."
)
@common.json_option
@common.debug_option
def command(
    selected: common.Selected,
    name: str,
    out: Path | None,
    as_json: bool,
) -> None:
    """Make a view of runs: names, folders or patterns; all of the runs folder where none is named.

    It has a section for each prefix of the metrics, a plot for each metric over the clock, grouped
    by W&B group, the objective first; it shows the chosen runs only. With a key it is
    saved on W&B, and the address is printed; without one its JSON is.
    """
    import json

    from lab import UsageError
    from lab_wandb import view
    from lab_wandb.mode import resolve_mode

    runs = selected.runs()
    if not runs:
        raise UsageError(f"No runs in {selected.runs_dir}.")
    entity, project = view.home(runs)
    logged = view.contents(runs)
    for run in runs:
        if "wandb" not in run.summary.get("links", {}):
            output.say(f"{run.name} is not known to be on W&B; upload it: lab sync {run.dir}")
    url = None
    if resolve_mode("auto") == "online":
        workspace, url = view.save(name, entity, project, logged)
    else:
        workspace = view.build(name, entity, project, logged)
        output.say("Not saved on W&B: no key was found, or it is switched off.")
    made = view.as_dict(workspace)
    if out:
        out.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
    if as_json or (url is None and out is None):
        output.print_json({"url": url, **made})
    else:
        click.echo(url or out)
