"""Measure `lab compare`, `lab runs` and `lab ui` on many runs.

    python -m benchmarks.comparison [--runs 1000] [--rows 1000] [--rounds 3]

Writes run folders as finished runs leave them, ten seeds to a group, and times the whole command.
"""

from __future__ import annotations

import json
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
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
            row |= {"clock": clock, "perf/seconds": clock / 10, "perf/time": 1.7e9 + clock}
            if clock % every == 0:
                row["eval/return"] = rng.random()
            file.write(json.dumps(row) + "\n")


def timed(words: list[str], rounds: int) -> str:
    """Run a whole command some times and return the median and range of its seconds."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "lab", *words], check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    return f"{statistics.median(seconds):.2f} [{min(seconds):.2f}, {max(seconds):.2f}] s"


def served(runs_dir: str, rounds: int) -> str:
    """Time `lab ui` from its start to the page and to the data."""
    words = [sys.executable, "-m", "lab", "ui", "--no-open", "--runs-dir", runs_dir]
    page, data = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout
            url = process.stdout.readline().decode().strip()
            urllib.request.urlopen(url).read()
            page.append(time.perf_counter() - began)
            urllib.request.urlopen(url + "data.json").read()
            data.append(time.perf_counter() - began)
            process.send_signal(signal.SIGINT)
    return f"page after {statistics.median(page):.2f} s, data after {statistics.median(data):.2f} s"


@click.command()
@click.option("--runs", default=1_000, show_default=True, type=click.IntRange(1))
@click.option("--rows", default=1_000, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def main(runs: int, rows: int, rounds: int) -> None:
    """Print the seconds that comparing, listing and drawing take."""
    with tempfile.TemporaryDirectory() as scratch:
        many, some = Path(scratch) / "many", Path(scratch) / "some"
        for index in range(runs):
            write_run(many / f"run-{index}", index, rows)
        for index in range(min(runs, 200)):
            write_run(some / f"run-{index}", index, rows)
        there = ["--runs-dir", str(many)]
        compared = ["compare", *there, "--threshold", "0.9", "--curves", "--json"]
        drawn = ["compare", "--runs-dir", str(some), "--html", f"{scratch}/page.html"]
        print(f"compare, {runs:,} runs of {rows:,} rows: {timed(compared, rounds)}")
        print(f"runs, {runs:,} runs: {timed(['runs', *there, '--json'], rounds)}")
        print(f"compare --html, {min(runs, 200)} runs of {rows:,} rows: {timed(drawn, rounds)}")
        print(f"the page: {Path(scratch, 'page.html').stat().st_size / 1e6:.1f} MB")
        print(f"ui, {min(runs, 200)} runs: {served(str(some), rounds)}")


if __name__ == "__main__":
    main()
