"""Decorate commands with the options and arguments that they share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from lab.comparison.tables import ComparisonQuery
    from lab.storage.store import Run

STATES = ("running", "finished", "interrupted", "failed", "crashed")

C = TypeVar("C", bound=Callable[..., Any] | click.Command)


def specified(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what the user set, by flag or environment."""
    return {name: value for name, value in values.items() if value is not None}


def json_option(command: C) -> C:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")(command)


def debug_option(command: C) -> C:
    text = "Show the traceback of an error."
    return click.option("--debug", is_flag=True, expose_value=False, help=text)(command)


def data_changed_option(command: C) -> C:
    text = "Go on though the data are not those that the run has read; recorded in data.json."
    return click.option("--data-changed", is_flag=True, help=text)(command)


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


@dataclass(frozen=True)
class Selected:
    """The runs that a person named; all of the runs folder by default."""

    runs_dir: Path
    names: tuple[str, ...]
    groups: tuple[str, ...]
    where: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.names or self.groups or self.where)

    def runs(self, state: str | None = None) -> list[Run]:
        """Return them. Raises UsageError for a name or group that fits nothing."""
        from lab.comparison.selection import select

        return select(self.names, self.runs_dir, self.groups, self.where, state)


def selection(function: Callable[..., Any]) -> Callable[..., Any]:
    """Pass a command `selected`, from names or patterns, `--group`, `--where` and `--runs-dir`."""

    @wraps(function)
    def command(
        names: tuple[str, ...],
        groups: tuple[str, ...],
        where: tuple[str, ...],
        runs_dir: Path,
        **values: Any,
    ) -> Any:
        return function(selected=Selected(runs_dir, names, groups, where), **values)

    decorated: Callable[..., Any] = command
    for decorate in (
        runs_dir_option,
        click.option(
            "--where", multiple=True, metavar="COND", help="Only with config.lr<1e-3, say."
        ),
        click.option("--group", "groups", multiple=True, help="All runs of a group; repeatable."),
        click.argument("names", nargs=-1, metavar="[RUN]...", shell_complete=complete_runs),
    ):
        decorated = decorate(decorated)
    return decorated


def state_option(command: C) -> C:
    text = "Only runs in this state."
    return click.option("--state", type=click.Choice(STATES), help=text)(command)


def comparison_query(function: Callable[..., Any]) -> Callable[..., Any]:
    """Pass a command `make_query`, which returns the `ComparisonQuery` of `--by`, `--metric`,
    `--direction` and `--threshold`: its module is heavy."""

    @wraps(function)
    def command(
        by: tuple[str, ...],
        metric: str | None,
        direction: str | None,
        threshold: float | None,
        **values: Any,
    ) -> Any:
        def make_query(default_metric: str | None = None) -> ComparisonQuery:
            from lab.comparison.tables import ComparisonQuery

            return ComparisonQuery(by, metric or default_metric, threshold, direction)

        return function(make_query=make_query, **values)

    decorated: Callable[..., Any] = command
    for decorate in (
        click.option(
            "--threshold", type=float, help="Report when the objective reached this value."
        ),
        click.option(
            "--direction",
            type=click.Choice(["max", "min"]),
            help="Which values of --metric are better; by default as its name says.",
        ),
        click.option("--metric", help="What to compare; by default the objective's test metric."),
        click.option(
            "--by",
            metavar="KEY,...",
            callback=keys,
            help="Group by these keys of the summary or config.",
        ),
    ):
        decorated = decorate(decorated)
    return decorated


def keys(ctx: click.Context, parameter: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Return the words of a list with commas."""
    return tuple(key.strip() for key in text.split(",") if key.strip()) if text else ()


def run_argument(command: C) -> C:
    """Add the argument RUN: a folder, or the name of a run in the runs folder."""
    return click.argument("run", shell_complete=complete_runs)(command)


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    from lab.storage.store import runs

    folder = ctx.params.get("runs_dir") or Path("runs")
    return [run.name for run in runs(folder) if run.name.startswith(incomplete)]
