"""`lab new NAME`: begin a plugin of one's own."""

from __future__ import annotations

import importlib.util
import keyword
import shutil
from collections.abc import Mapping
from pathlib import Path

import click

from lab import __version__, template
from lab.cli import common, output
from lab.errors import LabError, UsageError
from lab.plugins import discover
from lab.spec import NAME


@click.command("new", short_help="Begin a plugin of your own.")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to write the plugin's folder into.",
)
@common.debug_option
def command(name: str, into: Path) -> None:
    """Write a complete plugin to the folder NAME: package, options, algorithm, tests and README.

    It trains, passes `lab check` and its own tests as it is. Existing folders are left alone.
    """
    folder = into / name
    _refuse(name, folder)
    _write(folder, template.files(name, __version__))
    output.say(f"Wrote {folder}. Next:")
    for line in (
        f"cd {folder}",
        "pip install -e '.[test]'",
        f"lab run {name}",
        f"lab check {name}",
    ):
        click.echo(f"  {line}", err=True)
    click.echo(folder)


def _refuse(name: str, folder: Path) -> None:
    """Raise UsageError where the plugin could not be written, or could not live."""
    package = name.replace("-", "_")
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not kebab-case: small letters, digits and single dashes.")
    if folder.exists():
        raise UsageError(f"{folder} exists, and is left as it is.")
    if keyword.iskeyword(package) or importlib.util.find_spec(package) is not None:
        raise UsageError(f"{package!r} is the name of a module that is there already.")
    if name in {spec.name for spec in discover().experiments()}:
        raise UsageError(f"{name!r} is the name of an experiment that is there already.")


def _write(folder: Path, files: Mapping[str, str]) -> None:
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise LabError(f"cannot write {folder}: {error.strerror}") from error
