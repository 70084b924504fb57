"""`lab sample RUN`: draw from what a run has learned. Its options are the experiment's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lab.cli import common, output
from lab.cli.capability import CapabilityCommand, call


@click.command("sample", cls=CapabilityCommand, short_help="Draw samples from a trained run.")
@common.run_argument
@click.option("--checkpoint", default="best", show_default=True, help="best, last or a clock.")
@click.option("--seed", type=click.IntRange(0), help="Other samples than the run's own seed gives.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@common.data_changed_option
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(
    run: str,
    checkpoint: str,
    seed: int | None,
    out: Path | None,
    runs_dir: Path,
    as_json: bool,
    **values: Any,
) -> None:
    """Draw samples from RUN, a folder or a name, and write them: images as one picture, rows of
    numbers as CSV. Text is printed, unless --out names a file.

    `lab sample RUN --help` shows the options of the run's own experiment too.
    """
    from lab.storage import store
    from lab.tracking.terminal import PlainLines, Printing

    trained_run = store.find(run, runs_dir)
    terminal = PlainLines() if as_json or out is not None else Printing()
    options = {"seed": seed, "terminal": terminal, **common.specified(values)}
    content = call(trained_run, "sample", checkpoint, **options)
    if isinstance(content, str) and isinstance(terminal, Printing):
        click.echo(content.removeprefix(terminal.shown))
        return
    default = trained_run.dir / "media" / f"samples-{checkpoint}"
    path = output.write_media(out or default, content)
    if as_json:
        output.print_json({"dir": str(trained_run.dir), "file": str(path)})
    else:
        click.echo(path)
