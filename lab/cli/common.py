"""Decorate commands with the options and arguments that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

C = TypeVar("C", bound=Callable[..., Any] | click.Command)


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what the user said, by flag or environment."""
    return {name: value for name, value in values.items() if value is not None}


def json_option(command: C) -> C:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")(command)


def debug_option(command: C) -> C:
    text = "Show the traceback of an error."
    return click.option("--debug", is_flag=True, expose_value=False, help=text)(command)


def quiet_option(command: C) -> C:
    text = "No progress, no messages but errors."
    return click.option("--quiet", "-q", is_flag=True, help=text)(command)


def runs_dir_option(command: C) -> C:
    return click.option(
        "--runs-dir",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("runs"),
        show_default=True,
        envvar="LAB_RUNS_DIR",
        help="Folder that holds the run folders.",
    )(command)


def run_argument(command: C) -> C:
    """Add the argument RUN: a folder, or the name of a run in the runs folder."""
    return click.argument("run", shell_complete=complete_runs)(command)


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from lab.store import runs

    folder = ctx.params.get("runs_dir") or Path("runs")
    return [run.name for run in runs(folder) if run.name.startswith(incomplete)]
