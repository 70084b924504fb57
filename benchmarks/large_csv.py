"""Measure how long a large csv file takes to read, and how much memory, beside pandas alone.

    python -m benchmarks.large_csv [--rows 1000000] [--rounds 3]

Ten columns: numbers, a category, a date, gaps in two, and classes. Each contestant reads it in a
process of its own, after a small file of the same kind, so that imports do not count: pandas reads
a DataFrame; the source makes examples of it; a run also splits them, describes them, and lays them
on the device. Printed are CPU seconds, and the growth of the peak of resident memory.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import numpy as np

SMALL = 2_000


def write(path: Path, rows: int) -> None:
    import pandas as pd

    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{number}": rng.normal(size=rows).round(4) for number in range(6)})
    frame["kind"] = rng.integers(0, 1_000, rows)
    frame["city"] = rng.choice(["Paris", "Köln", "Roma", "Oslo"], rows)
    frame["day"] = (np.datetime64("2015-01-01") + rng.integers(0, 3_000, rows)).astype(str)
    says = frame.x0 + frame.x1 * frame.x2 + rng.normal(size=rows) > 0
    frame["target"] = np.where(says, "yes", "no")
    for column in ("x3", "city"):
        frame.loc[rng.random(rows) < 0.05, column] = None
    frame.to_csv(path, index=False)


def pandas_alone(path: Path) -> None:
    import pandas as pd

    pd.read_csv(path)


def source(path: Path) -> None:
    from lab.data import sources
    from lab.plugins import discover

    spec, argument = sources.find(f"csv:{path}", discover().sources())
    sources.load(spec, argument, {})


def whole_run(path: Path) -> None:
    import torch

    from lab.data.data import Data
    from lab.data.options import DataOptions
    from lab.data.record import DataRecord
    from lab.plugins import discover

    data = Data(
        DataOptions(data=f"csv:{path}"), discover().sources(), torch.device("cpu"), 0,
        lambda name, compute: compute(), lambda message: None, lambda name, entry: None,
        DataRecord(),
    )  # fmt: skip
    _ = data.info, data.train, data.eval, data.test


CONTESTANTS: Mapping[str, Callable[[Path], None]] = {
    "pandas": pandas_alone,
    "source": source,
    "run": whole_run,
}


def peak() -> float:
    """Return the highest resident memory so far, in MB."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def measured(name: str, folder: Path) -> tuple[float, float]:
    """Return CPU seconds and MB of a reading, in this process."""
    read = CONTESTANTS[name]
    read(folder / "small.csv")
    memory, began = peak(), time.process_time()
    read(folder / "large.csv")
    return time.process_time() - began, peak() - memory


def apart(*words: str) -> str:
    """Return what this script prints in a process of its own. This one stays small: on Linux a
    child's peak begins with the memory of its parent."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.large_csv", *words],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return done.stdout


@click.command(help=__doc__)
@click.option("--rows", default=1_000_000, show_default=True, type=click.IntRange(SMALL))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--child", type=click.Choice([*CONTESTANTS, "write"]), hidden=True)
@click.option("--folder", type=Path, hidden=True)
def main(rows: int, rounds: int, child: str | None, folder: Path) -> None:
    if child == "write":
        write(folder / "small.csv", SMALL)
        write(folder / "large.csv", rows)
    elif child:
        print(json.dumps(measured(child, folder)))
    else:
        compare(rows, rounds)


def compare(rows: int, rounds: int) -> None:
    figures: dict[str, list[list[float]]] = {name: [] for name in CONTESTANTS}
    with tempfile.TemporaryDirectory() as folder:
        apart("--folder", folder, "--child", "write", "--rows", str(rows))
        for _ in range(rounds):
            for name in CONTESTANTS:
                figures[name].append(json.loads(apart("--folder", folder, "--child", name)))
    middle = {
        name: [statistics.median(f) for f in zip(*figures[name], strict=True)] for name in figures
    }
    print("| who reads | CPU s | of pandas | MB | of pandas |", "|---|---|---|---|---|", sep="\n")
    for name, (seconds, memory) in middle.items():
        ratios = [a / b for a, b in zip((seconds, memory), middle["pandas"], strict=True)]
        print(f"| {name} | {seconds:.1f} | {ratios[0]:.1f} | {memory:.0f} | {ratios[1]:.1f} |")


if __name__ == "__main__":
    main()
