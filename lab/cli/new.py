"""`lab new NAME`: begin a plugin of one's own."""

from __future__ import annotations

import importlib.util
import keyword
import shutil
from collections.abc import Mapping
from pathlib import Path

import click

from lab import __version__, templates
from lab.cli import COMMANDS, common, output
from lab.errors import LabError, UsageError
from lab.outputs import check_folder
from lab.plugins import KINDS, Plugins, discover
from lab.spec import NAME
from lab.templates.template import filled


@click.command("new", short_help="Begin a plugin of your own.")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="experiment",
    show_default=True,
    help="What the plugin offers.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder to write the plugin's folder into.",
)
@common.debug_option
def command(name: str, kind: str, into: Path) -> None:
    """Write a complete plugin to the folder NAME: package, tests and README.

    It works, passes `lab check` and its own tests as it is. Existing folders are left alone.
    """
    folder = into / name
    _refuse(name, kind, folder)
    _write(folder, templates.files(kind, name, __version__))
    output.say(f"Wrote {folder}. Next:")
    tries = [filled(words, name=name) for words in templates.template(kind).tries]
    for line in (f"cd {folder}", "pip install -e '.[test]'", *tries, f"lab check {name}"):
        click.echo(f"  {line}", err=True)
    click.echo(folder)


def _refuse(name: str, kind: str, folder: Path) -> None:
    """Raise UsageError where the plugin could not be written, or could not live."""
    package = name.replace("-", "_")
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not kebab-case: small letters, digits and single dashes.")
    if folder.exists():
        raise UsageError(f"{folder} exists, and is left as it is.")
    if keyword.iskeyword(package) or importlib.util.find_spec(package) is not None:
        raise UsageError(f"{package!r} is the name of a module that is there already.")
    if name in _taken(kind, discover()):
        article = "an" if kind[0] in "aeiou" else "a"
        raise UsageError(f"{name!r} is the name of {article} {kind} that is there already.")


def _taken(kind: str, plugins: Plugins) -> set[str]:
    """Return the names that are offered as this kind of thing."""
    return {
        "experiment": {spec.name for spec in plugins.experiments()},
        "source": set(plugins.sources()),
        "tracker": set(plugins.trackers()),
        "environment": {spec.namespace for spec in plugins.environments()},
        "command": {*COMMANDS, *plugins.commands()},
    }[kind]


def _write(folder: Path, files: Mapping[str, str]) -> None:
    check_folder("The folder", folder, made=True)
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise LabError(f"cannot write {folder}: {error.strerror}") from error
