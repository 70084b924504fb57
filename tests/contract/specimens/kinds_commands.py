"""One honest command, and one for each way to break a promise. Imports click alone."""

from __future__ import annotations

from typing import Any

import click

import lab

MODULE = "kinds_commands"


@click.command()
@click.argument("name", default="you")
def hello(name: str) -> None:
    """Say hello."""
    click.echo(f"Hello, {name}!")


@click.command()
def silent() -> None:
    pass


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def careless(rest: tuple[str, ...]) -> None:
    """Take anything."""


def plain() -> None:
    """Be no command."""


class Impatient(click.Command):
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        raise RuntimeError("not so fast")


@click.command(cls=Impatient)
def impatient() -> None:
    """Fail early."""


def command_of(
    function: Any, name: str = "specimen", summary: str = "Say hello"
) -> lab.CommandSpec:
    words = getattr(function, "name", None) or function.__name__
    return lab.CommandSpec(name, summary, f"{MODULE}:{words}")


HONEST = {"honest": command_of(hello)}
BROKEN = [
    ("it_is_a_click_command", command_of(plain), "no click command"),
    ("it_has_a_summary", command_of(hello, summary=""), "has no summary"),
    ("it_shadows_no_command_of_the_lab", command_of(hello, name="run"), "the lab's own"),
    ("help_says_what_it_does", command_of(silent), "does not say what the command does"),
    ("help_says_what_it_does", command_of(impatient), "not so fast"),
    ("an_unknown_option_is_a_plain_error", command_of(careless), "ends with 0, not 2"),
]
