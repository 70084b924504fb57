"""Check a command of the command line: its help, its manners, and what it costs to list it."""

from __future__ import annotations

import subprocess
import sys

import click
from click.testing import CliRunner, Result

from lab.cli import COMMANDS
from lab.spec import CommandSpec, import_object
from lab.testing.limits import SECONDS
from lab.testing.offered import Offered
from lab.testing.static import LONGEST_SUMMARY, expect_light
from lab.testing.subject import CheckFailed, Skipped, expect

UNKNOWN = "--no-such-option"
USAGE = 2  # exit code of a usage error


class Subject(Offered):
    """A command under examination."""

    spec: CommandSpec

    @property
    def path(self) -> str:
        return self.spec.command

    @property
    def module(self) -> str:
        return self.spec.command.partition(":")[0]

    @property
    def command(self) -> click.Command:
        try:
            imported = import_object(self.spec.command)
        except Exception as error:  # a plugin may fail in any way
            raise CheckFailed(f"{self.spec.command} cannot be imported: {error}") from error
        expect(
            isinstance(imported, click.Command),
            f"{self.spec.command} is a {type(imported).__name__}, no click command. Decorate it "
            "with @click.command().",
        )
        command: click.Command = imported
        return command

    def call(self, *words: str) -> Result:
        return CliRunner().invoke(self.command, list(words), prog_name=f"lab {self.spec.name}")


def check_it_is_a_click_command(subject: Subject) -> None:
    """What the spec names can be imported, and is a click command."""
    expect(isinstance(subject.command, click.Command), "It is no click command.")


def check_it_has_a_summary(subject: Subject) -> None:
    """Its summary is one line, as listings show it."""
    summary = subject.spec.summary
    expect(bool(summary.strip()), "The spec has no summary, so `lab --help` says nothing of it.")
    expect("\n" not in summary, "The summary has several lines; listings show one.")
    expect(
        len(summary) <= LONGEST_SUMMARY,
        f"The summary has {len(summary)} characters; listings show {LONGEST_SUMMARY}.",
    )


def check_it_shadows_no_command_of_the_lab(subject: Subject) -> None:
    """Its name is none of the lab's own, which cannot be replaced."""
    expect(
        subject.spec.name not in COMMANDS,
        f"`lab {subject.spec.name}` is the lab's own, so that the plugin's is never called.",
    )


def check_help_says_what_it_does(subject: Subject) -> None:
    """`--help` works, needs nothing else, and tells more than the options."""
    result = subject.call("--help")
    expect(
        result.exit_code == 0,
        f"`lab {subject.spec.name} --help` ends with {result.exit_code}: {result.exception}",
    )
    expect(
        bool(subject.command.help),
        f"`lab {subject.spec.name} --help` does not say what the command does: give its function a "
        "docstring.",
    )


def check_an_unknown_option_is_a_plain_error(subject: Subject) -> None:
    """An option that is not there ends with a line and exit code 2, and no traceback."""
    result = subject.call(UNKNOWN)
    lines = result.output.strip().splitlines()
    expect(
        result.exit_code == USAGE,
        f"`lab {subject.spec.name} {UNKNOWN}` ends with {result.exit_code}, not {USAGE}: "
        f"{result.exception or 'it is taken for an argument, or ignored'}",
    )
    expect(
        "Traceback" not in result.output and any("Error" in line for line in lines),
        f"`lab {subject.spec.name} {UNKNOWN}` does not say plainly what is wrong.",
    )


def check_it_is_imported_when_it_is_called(subject: Subject) -> None:
    """Listing the commands does not import the module of this one."""
    plugin = subject.plugin
    if plugin is None or plugin.is_file:
        raise Skipped("a file is imported only when it is asked for")
    if plugin.module == subject.module:
        raise Skipped("the module of the spec holds the command too")
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\nimport {plugin.module}\n"
        f"print({subject.module!r} in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    expect(
        done.stdout.strip() == "False",
        f"Importing {plugin.module} imports {subject.module} too. Name it in the spec as text.",
    )


def check_help_is_light(subject: Subject) -> None:
    """The module of the command loads nothing heavy before it is called: help and completion are
    quick."""
    expect_light({subject.module})
