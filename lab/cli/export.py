"""`lab export RUN`: write a trained run's model in the format of another library."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lab.cli import common, output
from lab.cli.capability import CapabilityCommand, call


@click.command(
    "export", cls=CapabilityCommand, short_help="Write a run's model for another library."
)
@common.run_argument
@click.option("--checkpoint", default="best", show_default=True, help="best, last or a clock.")
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(run: str, checkpoint: str, runs_dir: Path, as_json: bool, **values: Any) -> None:
    """Export the model of RUN, a folder or a name, as its family's own library loads it.

    `lab export RUN --help` shows the options of the run's own experiment too.
    """
    from lab.storage import store

    trained_run = store.find(run, runs_dir)
    path = call(trained_run, "export", checkpoint, **common.specified(values))
    if as_json:
        output.print_json({"dir": str(trained_run.dir), "file": str(path)})
    else:
        click.echo(path)
        if path.with_name("serve.py").exists():
            output.say("Beside it, serve.py answers with onnxruntime and numpy alone.")
