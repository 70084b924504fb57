"""Make a folder of 60 runs: ten families, six data sets and environments, three objectives.

    python -m benchmarks.mixed_runs FOLDER

What everybody has after an hour, in a few minutes: budgets are too small for good results. Then
`lab compare`, `lab compare --html`, `lab runs` and `lab ui` with --runs-dir FOLDER.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

import lab

SEEDS = range(5)
GROUPS: Sequence[tuple[str, Mapping[str, Any]]] = (
    ("mlp", {"data": "digits", "budget": 10_000}),
    ("cnn", {"data": "digits", "arch": "lenet5", "budget": 5_000}),
    ("rnn", {"data": "digits", "cell": "gru", "budget": 5_000}),
    ("baseline", {"data": "digits", "algo": "knn"}),
    ("mlp", {"data": "iris", "budget": 3_000}),
    ("baseline", {"data": "wine", "algo": "forest"}),
    ("transformer", {"preset": "tiny"}),
    ("dqn", {"env": "CartPole-v1", "budget": 5_000}),
    ("pg", {"env": "CartPole-v1", "budget": 10_000}),
    ("sb3", {"preset": "tiny"}),
    ("gan", {"preset": "tiny"}),
    ("diffusion", {"preset": "tiny"}),
)


def make(folder: Path) -> int:
    """Train what is not there yet; return how many runs there are."""
    for family, options in GROUPS:
        lab.run(family, runs_dir=folder, seeds=list(SEEDS), wandb="disabled", threads=1, **options)
        click.echo(f"{family}: {len(list(folder.iterdir()))} runs in {folder}")
    return len(list(folder.iterdir()))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def main(folder: Path) -> None:
    make(folder)


if __name__ == "__main__":
    main()
