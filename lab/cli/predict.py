"""`lab predict RUN INPUT...`: what a trained run predicts for inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from lab.cli import common, output
from lab.cli.capability import CapabilityCommand, call

NEGATIVE = re.compile(r"-[\d.]")


class PredictCommand(CapabilityCommand):
    """A command whose words may begin with a minus, as rows of numbers do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # behind a blank they are no options
        return super().parse_args(ctx, [f" {w}" if NEGATIVE.match(w) else w for w in args])


@click.command("predict", cls=PredictCommand, short_help="Say what a trained run makes of inputs.")
@common.run_argument
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option("--checkpoint", default="best", show_default=True, help="best, last or a clock.")
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(
    run: str,
    inputs: tuple[str, ...],
    checkpoint: str,
    runs_dir: Path,
    as_json: bool,
    **values: Any,
) -> None:
    """Predict with RUN, a folder or a name: image files, or rows of numbers as 5.1,3.5,1.4.

    `lab predict RUN --help` shows the options of the run's own experiment too.
    """
    from lab.storage import store

    trained_run = store.find(run, runs_dir)
    words = tuple(word.strip() for word in inputs)
    rows = call(trained_run, "predict", checkpoint, inputs=words, **common.specified(values))
    if as_json:
        output.print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['input']}: {_text(row)}")


def _text(row: Mapping[str, Any]) -> str:
    """Return the predictions for one input, by name where a network makes several."""
    return "; ".join(_part(name, value) for name, value in row.items() if name != "input")


def _part(name: str, value: Any) -> str:
    if name == "classes":
        return ", ".join(
            f"{word} {output.number(probability)}" for word, probability in value.items()
        )
    items = value if isinstance(value, list) else [value]
    text = ", ".join(item if isinstance(item, str) else output.number(item) for item in items)
    return text if name == "values" else f"{name} {text}"
