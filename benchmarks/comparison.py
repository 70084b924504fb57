"""Measure `lab compare` on many runs.

    python -m benchmarks.comparison [--runs 1000] [--rows 1000] [--rounds 3]

Writes run folders as finished runs leave them, ten seeds to a group, and times the whole command.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

SEEDS = 10
EVALUATIONS = 20


def write_run(folder: Path, index: int, rows: int) -> None:
    group, seed = divmod(index, SEEDS)
    rng = random.Random(index)
    folder.mkdir(parents=True)
    summary = {
        "name": folder.name,
        "state": "finished",
        "group": f"group-{group}",
        "target": "A",
        "clock": {"name": "env_steps", "value": rows, "budget": rows},
        "objective": {"metric": "eval/return", "direction": "max", "last": rng.random()},
        "test": {"test/return": rng.gauss(group, 10)},
        "seconds": 60.0,
        "config": {"lr": group * 1e-3, "seed": seed, **{f"option_{i}": i for i in range(30)}},
    }
    (folder / "config.yaml").write_text("experiment: dqn\n")
    (folder / "summary.json").write_text(json.dumps(summary))
    every = max(1, rows // EVALUATIONS)
    with (folder / "metrics.jsonl").open("w") as file:
        for clock in range(rows):
            row = {f"train/{name}": rng.random() for name in ("loss", "q_mean", "return", "length")}
            row |= {"clock": clock, "perf/seconds": clock / 10}
            if clock % every == 0:
                row["eval/return"] = rng.random()
            file.write(json.dumps(row) + "\n")


@click.command()
@click.option("--runs", default=1_000, show_default=True, type=click.IntRange(1))
@click.option("--rows", default=1_000, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def main(runs: int, rows: int, rounds: int) -> None:
    """Print the seconds that comparing takes."""
    with tempfile.TemporaryDirectory() as scratch:
        for index in range(runs):
            write_run(Path(scratch) / f"run-{index}", index, rows)
        words = ["compare", "--runs-dir", scratch, "--threshold", "0.9", "--curves", "--json"]
        seconds = []
        for _ in range(rounds):
            began = time.perf_counter()
            subprocess.run([sys.executable, "-m", "lab", *words], check=True, capture_output=True)
            seconds.append(time.perf_counter() - began)
    print(
        f"{runs:,} runs of {rows:,} rows: {statistics.median(seconds):.1f} "
        f"[{min(seconds):.1f}, {max(seconds):.1f}] s"
    )


if __name__ == "__main__":
    main()
