"""Load commands when they are used, and turn the lab's errors into plain lines and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from functools import cached_property
from typing import IO, Any

import click

from lab import __version__
from lab.errors import LabError
from lab.messages import describe, did_you_mean
from lab.plugins import DISABLE, discover, installed
from lab.spec import CommandSpec, import_object


class Failure(click.ClickException):
    """An error on its way to the terminal: its message, and its exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click itself assigns it so

    def show(self, file: IO[Any] | None = None) -> None:
        first, *rest = self.format_message().splitlines() or [""]
        click.echo(click.style("Error: ", fg="red", bold=True) + first, err=True)
        for line in rest:
            click.echo(f"       {line}", err=True)


class LazyGroup(click.Group):
    """A group that knows its commands by path and imports one only when it is called."""

    def __init__(self, name: str, commands: Mapping[str, tuple[str, str]], help: str) -> None:
        version = click.Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_show_version,
            help="Show the version.",
        )
        blocked = click.Option(
            ["--no-plugin"],
            multiple=True,
            metavar="NAME",
            expose_value=False,
            is_eager=True,
            callback=_block,
            help="Leave a plugin, or a distribution, out; may be repeated.",
        )
        super().__init__(name, help=help, params=[blocked, version])
        self._paths = commands
        self.context_settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

    @cached_property
    def _offered(self) -> Mapping[str, CommandSpec]:
        """The commands of plugins. The lab's own cannot be replaced."""
        offered = discover().commands()
        return {name: spec for name, spec in offered.items() if name not in self._paths}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._paths, *self._offered]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in self._paths:
            path = self._paths[name][0]
        elif name in self._offered:
            path = self._offered[name].command
        else:
            return None
        command: click.Command = import_object(path)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, short) for name, (_, short) in self._paths.items()])
        if self._offered:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(spec.name, spec.summary) for spec in self._offered.values()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else "-"
        if not name.startswith("-") and name not in self._paths and name not in self._offered:
            hint = did_you_mean(name, self.list_commands(ctx))
            raise click.UsageError(f"There is no command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # click's own
        except LabError as error:
            if debugging():
                traceback.print_exc()
            raise Failure(str(error), error.exit_code) from error
        except Exception as error:  # of a plugin, or of the lab itself
            if debugging():
                traceback.print_exc()
            message = f"{describe(error)}\n--debug shows the traceback."
            raise Failure(message, LabError.exit_code) from error
        except KeyboardInterrupt:
            ctx.exit(130)


def debugging() -> bool:
    """Tell whether the user wants tracebacks."""
    return "--debug" in sys.argv or os.environ.get("LAB_DEBUG", "") not in ("", "0")


def _block(ctx: click.Context, parameter: click.Parameter, names: tuple[str, ...]) -> None:
    """Block plugins before any is imported, in child processes too."""
    if not names:
        return  # nothing is looked for where nobody asks
    known = installed()
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or " `lab plugins` lists what there is."
            raise click.BadParameter(f"there is no plugin {name!r}.{hint}", ctx, parameter)
    os.environ[DISABLE] = ",".join([os.environ.get(DISABLE, ""), *names]).strip(",")


def _show_version(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        click.echo(f"lab {__version__}")
        ctx.exit()
