"""`lab resume RUN`: continue where the last checkpoint was written."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from lab import config
from lab.cli import common, options
from lab.cli.run import choose_terminal, report

CHANGES = {"budget", "stop_at", "device", "media", "wandb"}


@click.command("resume", short_help="Continue an interrupted run exactly.")
@common.run_argument
@common.data_changed_option
@common.runs_dir_option
@common.json_option
@common.quiet_option
@common.debug_option
def command(run: str, runs_dir: Path, as_json: bool, quiet: bool, **values: Any) -> None:
    """Continue RUN, a folder or a name, from its last checkpoint.

    A run of fixed budget ends with the same weights and metrics as if it had never stopped. A
    larger --budget trains on; schedules then follow the new horizon. Data that have changed since
    the run read them are refused.
    """
    from lab import api

    terminal = choose_terminal(as_json, quiet)
    changes = common.given(values)
    train = partial(api.resume, run, terminal=terminal, runs_dir=runs_dir, **changes)
    report(train, as_json, quiet)


command.params += options.from_model(
    config.RunOptions,
    skip=set(config.RunOptions.model_fields) - CHANGES,
    environment=False,  # a resumed run keeps to what its folder says
)
