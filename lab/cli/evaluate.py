"""`lab eval RUN`: measure a trained run again."""

from __future__ import annotations

from pathlib import Path

import click

from lab.cli import common, output


@click.command("eval", short_help="Evaluate a trained run.")
@common.run_argument
@click.option("--checkpoint", default="best", show_default=True, help="best, last or a clock.")
@click.option("--split", type=click.Choice(["eval", "test"]), default="test", show_default=True)
@click.option("--seed", type=click.IntRange(0), help="Other randomness than the run itself used.")
@click.option("--device", help="By default the one that it trained on, or else the best here.")
@common.data_changed_option
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(
    run: str,
    checkpoint: str,
    split: str,
    seed: int | None,
    device: str | None,
    data_changed: bool,
    runs_dir: Path,
    as_json: bool,
) -> None:
    """Evaluate RUN, a folder or a name.

    Without --seed the metrics equal those that the run recorded for this checkpoint. Data that
    have changed since are refused.
    """
    from lab import trained
    from lab.storage import store
    from lab.tracking.terminal import PlainLines

    trained_run = store.find(run, runs_dir)
    metrics = trained.evaluate(
        trained_run.dir, checkpoint, split=split, seed=seed, device=device,
        data_changed=data_changed, terminal=PlainLines(),
    )  # fmt: skip
    if as_json:
        output.print_json(
            {"dir": str(trained_run.dir), "checkpoint": checkpoint, "metrics": metrics}
        )
    else:
        output.print_pairs({name: output.number(value) for name, value in metrics.items()})
