"""Hold a command that prints how far runs came."""

from __future__ import annotations

from lab.templates.template import Template

SPEC = '''\
"""Offer the command `lab {{name}}`."""

from collections.abc import Iterator

from lab import CommandSpec, hookimpl


@hookimpl
def lab_commands() -> Iterator[CommandSpec]:
    yield CommandSpec(
        name="{{name}}",
        summary="Print the best value that each run came to",
        command="{{package}}.cli:command",
    )
'''

CLI = '''\
"""`lab {{name}}`: what each run came to."""

from pathlib import Path

import click
import lab


@click.command()
@click.option(
    "--runs-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Folder that holds the run folders.",
)
def command(runs_dir: Path) -> None:
    """Print a line for each run: its name, its state and the best value of its objective."""
    for run in lab.runs(runs_dir):
        objective = run.summary.get("objective", {})
        metric, best = objective.get("metric", "?"), objective.get("best")
        value = "-" if best is None else f"{best:.4g}"
        click.echo(f"{run.name}\\t{run.state}\\t{metric} {value}")
'''

TEMPLATE = Template(
    what="A command",
    about="it prints the best value of the objective that each run came to.",
    tries={"lab {{name}}": "print it", "lab {{name}} --help": "its options"},
    files={"__init__.py": SPEC, "cli.py": CLI},
    holds={
        "__init__.py": "what the lab lists: name, summary; imports nothing heavy",
        "cli.py": "the command, imported when it is called",
    },
)
