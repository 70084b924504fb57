"""`lab wandb`: pages about runs on W&B."""

from __future__ import annotations

import click

from lab_wandb.commands import report, view


@click.group("wandb", short_help="Make views and reports of runs on W&B.")
def group() -> None:
    """Arrange what W&B shows."""


group.add_command(view.command)
group.add_command(report.command)
