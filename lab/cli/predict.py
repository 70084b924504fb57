"""`lab predict RUN INPUT...`: what a trained run predicts for inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from lab.cli import common, output
from lab.cli.capability import CapabilityCommand, call
from lab.errors import UsageError

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
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV on stdout.")
@common.json_option
@common.debug_option
def command(
    run: str,
    inputs: tuple[str, ...],
    checkpoint: str,
    runs_dir: Path,
    as_csv: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Predict with RUN, a folder or a name, from images, rows of a table, sequences, or texts.

    INPUT is an image file or a folder of them; a row as 5.1,3.5,1.4 or age=35,city=Paris; a text;
    a csv file, or - for csv or texts on standard input; of sounds a WAV file or a folder of them.

    `lab predict RUN --help` shows the options of the run's own experiment too.
    """
    from lab.storage import store

    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other")
    trained_run = store.find(run, runs_dir)
    words = tuple(word.strip() for word in inputs)
    rows = call(trained_run, "predict", checkpoint, inputs=words, **common.specified(values))
    if checkpoint == "best":  # which the test measured
        rows = _with_intervals(rows, trained_run.summary.get("test") or {})
    if as_json:
        output.print_json(rows)
        return
    from lab.cli import answers

    (answers.print_csv if as_csv else answers.print_table)(rows)


def _with_intervals(rows: list[dict[str, Any]], test: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return answers with an interval beside each value, where the test tells how far nine of ten
    lie from theirs."""
    margin = test.get("test/error_90")
    if margin is None or not all("values" in row for row in rows):
        return rows
    output.say(
        f"Nine of ten true values lie from low to high, as they do in the test set "
        f"(n = {test['test/n']:,.0f})."
    )
    return [{**row, "interval_90": _interval(row["values"], margin)} for row in rows]


def _interval(values: Mapping[str, float], margin: float) -> dict[str, float]:
    ends = (("low", -margin), ("high", margin))
    return {f"{name}_{end}": value + way for name, value in values.items() for end, way in ends}
