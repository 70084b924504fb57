"""`lab play RUN`: show what a trained run does. Its options are the experiment's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lab.cli import common, output
from lab.cli.capability import CapabilityCommand, call


@click.command("play", cls=CapabilityCommand, short_help="Write a GIF of what a trained run does.")
@common.run_argument
@click.option("--checkpoint", default="best", show_default=True, help="best, last or a clock.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(
    run: str, checkpoint: str, out: Path | None, runs_dir: Path, as_json: bool, **values: Any
) -> None:
    """Play an episode with RUN, a folder or a name, and write it as a GIF.

    `lab play RUN --help` shows the options of the run's own experiment too.
    """
    from lab.storage import store

    trained_run = store.find(run, runs_dir)
    content = call(trained_run, "play", checkpoint, **common.specified(values))
    path = output.write_media(out or trained_run.dir / "media" / f"play-{checkpoint}", content)
    if as_json:
        output.print_json({"dir": str(trained_run.dir), "file": str(path)})
    else:
        click.echo(path)
