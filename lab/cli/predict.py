"""`lab predict RUN INPUT...`: what a trained run says of inputs of yours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lab.cli import common, output
from lab.cli.capability import CapabilityCommand


@click.command(
    "predict", cls=CapabilityCommand, short_help="Say what a trained run makes of inputs."
)
@common.run_argument
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option("--checkpoint", default="best", show_default=True, help="best, last or a clock.")
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(
    run: str,
    inputs: tuple[str, ...],
    checkpoint: str,
    runs_dir: Path,
    as_json: bool,
    **values: Any,
) -> None:
    """Predict with RUN, a folder or a name: image files, or rows of numbers as 5.1,3.5,1.4.

    `lab predict RUN --help` shows the options of the run's own experiment too.
    """
    from lab import api, store

    found = store.find(run, runs_dir)
    rows = api.use(found.dir, "predict", checkpoint, inputs=inputs, **common.given(values))
    if as_json:
        output.print_json(rows)
        return
    for row in rows:
        values = row.get("classes") or dict(enumerate(row["values"]))
        said = ", ".join(f"{name} {output.number(value)}" for name, value in values.items())
        click.echo(f"{row['input']}: {said}")
