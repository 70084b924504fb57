"""`lab runs`: list runs from their summaries alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import click

from lab.cli import common, output
from lab.plugins import discover

LEAST = ("last", "clock", "objective")  # columns that leave where names are long, in that order


@click.command("runs", short_help="List runs.")
@common.selection
@common.state_option
@click.option("--experiment", help="Only runs of this experiment.")
@common.json_option
@common.debug_option
def command(
    selected: common.Selected,
    state: str | None,
    experiment: str | None,
    as_json: bool,
) -> None:
    """List runs: names, folders or patterns, or the whole runs folder."""
    if experiment:
        selected = replace(selected, where=(*selected.where, f"experiment={experiment}"))
    rows = [_row(run) for run in selected.runs(state)]
    if experiment and not rows:
        discover().experiment(experiment)  # raises UsageError for a name that nothing has
    if as_json:
        output.print_json(rows)
    elif not rows and (selected or state):
        output.say(f"No run in {selected.runs_dir} matches. `lab runs` lists all.")
    elif not rows:
        output.say(f"No runs in {selected.runs_dir}. Start one: lab run dqn --env CartPole-v1")
    else:
        _print(rows)


def _row(run: Any) -> dict[str, Any]:
    summary = run.summary
    return {
        "name": run.name,
        "dir": str(run.dir),
        "state": run.state,
        "experiment": summary.get("experiment"),
        "group": summary.get("group"),
        "objective": summary.get("objective", {}),
        "clock": summary.get("clock", {}),
        "updated": summary.get("updated"),
    }


def _print(rows: list[dict[str, Any]]) -> None:
    columns = {
        "run": [row["name"] for row in rows],
        "state": [row["state"] for row in rows],
        "objective": [row["objective"].get("metric", "-") for row in rows],
        "best": [output.number(row["objective"].get("best")) for row in rows],
        "last": [output.number(row["objective"].get("last")) for row in rows],
        "clock": [output.number(row["clock"].get("value")) for row in rows],
        "updated": [output.age(row["updated"]) for row in rows],
    }
    for least in LEAST:  # a name has to be whole, to be copied
        if output.width_of(columns) > output.WIDTH:
            del columns[least]
    output.print_table(list(columns), zip(*columns.values(), strict=True))
    for row in rows:
        if row["state"] in ("crashed", "interrupted"):
            output.say(f"{row['name']} {row['state']}. Continue with: lab resume {row['dir']}")
