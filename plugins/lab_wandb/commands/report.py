"""`lab wandb report`: a report on W&B that compares groups of runs."""

from __future__ import annotations

from pathlib import Path

import click

from lab.cli import common
from lab_wandb.commands.publish import out_option, publish, readable, say_what_lacks


@click.command("report", short_help="Write a report that compares groups.")
@click.argument("groups", nargs=-1, metavar="[GROUP]...")
@click.option("--where", multiple=True, metavar="COND", help="Only with config.lr<1e-3, say.")
@click.option("--name", help="Title of the report; by default it names the groups.")
@click.option("--question", help="What the report is to answer; its first paragraph.")
@click.option("--metric", help="What to compare; by default the objective's test metric.")
@click.option("--reference", metavar="GROUP", help="Whose run set a reader exchanges for theirs.")
@out_option
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(
    groups: tuple[str, ...],
    where: tuple[str, ...],
    runs_dir: Path,
    name: str | None,
    question: str | None,
    metric: str | None,
    reference: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Write a report of groups of runs, by name or pattern; of all groups where none is named.

    It has the question and, for each data set or environment and objective, the figures of `lab
    compare`, curves with standard errors, the objective against time and the options that differ.
    Each group is a run set of its own; the reference is there for a reader to exchange. With a key
    it is saved on W&B, in place of the last one of that name, and its address is printed; without
    one its JSON is, and kept in the runs folder.
    """
    from lab import compare
    from lab.messages import slug
    from lab_wandb import pages, report

    runs = readable(common.Selected(runs_dir, (), groups, where))
    entity, project = pages.home(runs)
    title = name or f"Comparison of {', '.join(groups) or 'all groups'}"
    comparison = compare(runs, metric=metric)
    page = report.build(title, project, comparison, runs, question, reference)
    publish([page], entity, out, runs_dir / f"wandb-report-{slug(title)}.json", as_json)
    say_what_lacks(runs)
