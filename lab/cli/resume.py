"""`lab resume RUN`: continue where the last checkpoint was written."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from lab.cli import common, options
from lab.cli.run import choose_terminal, report
from lab.config import RunOptions
from lab.options import Options
from lab.plugins import discover
from lab.resolve import tracker_models


class ResumeCommand(click.Command):
    """A command with the options that may be changed when a run is resumed: the runner's, and those
    of the trackers."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        if ctx.obj is None:
            ctx.obj = list(_changes())
        return [*ctx.obj, *super().get_params(ctx)]


def _changes() -> Iterator[click.Option]:
    yield from _changes_of(RunOptions)
    for model in tracker_models(discover()).values():
        yield from _changes_of(model)


def _changes_of(model: type[Options]) -> list[click.Option]:
    fixed = set(model.model_fields) - model.CHANGES
    # a resumed run keeps to what its folder says, whatever the environment does
    return options.from_model(model, skip=fixed, environment=False)


@click.command("resume", cls=ResumeCommand, short_help="Continue an interrupted run exactly.")
@common.run_argument
@common.data_changed_option
@click.option(
    "--restart-schedules",
    is_flag=True,
    help="With a larger --budget, make schedules anew for it: learning rate, exploration.",
)
@common.runs_dir_option
@common.json_option
@common.quiet_option
@common.debug_option
def command(run: str, runs_dir: Path, as_json: bool, quiet: bool, **values: Any) -> None:
    """Continue RUN, a folder or a name, from its last checkpoint.

    A run of fixed budget ends with the same weights and metrics as if it had never stopped. A
    larger --budget trains on: schedules that have ended stay so, others end later. Data that have
    changed since the run read them are refused.
    """
    from lab import api

    terminal = choose_terminal(as_json, quiet)
    changes = common.specified(values)
    train = partial(api.resume, run, terminal=terminal, runs_dir=runs_dir, **changes)
    report(train, as_json, quiet)
