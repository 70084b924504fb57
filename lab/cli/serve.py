"""`lab serve`: a page that answers with a trained run, on this machine alone."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from lab.cli import common, output


@click.command("serve", short_help="Answer a browser with a trained run.")
@common.run_argument
@click.option("--checkpoint", default="best", show_default=True, help="best, last or a clock.")
@common.runs_dir_option
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="By default a free one.")
@click.option("--open/--no-open", default=True, show_default=True, help="Open the browser.")
@common.debug_option
def command(run: str, checkpoint: str, runs_dir: Path, port: int, open: bool) -> None:
    """Show a page that says what RUN, a folder or a name, makes of csv files, rows and images.

    Programs POST a file to predict under the page's address. It can be reached from this machine
    alone. Ctrl-C ends it.
    """
    from lab import trained
    from lab.serving.server import serving
    from lab.storage import store

    trained_run = store.find(run, runs_dir)
    with (
        trained.using(trained_run.dir, "predict", checkpoint) as predict,
        serving(trained_run.name, predict, port) as (url, server),
    ):
        click.echo(url)
        output.say("Ctrl-C ends it.")
        if open:
            webbrowser.open(url)
        server.run()
