"""Measure what installed plugins cost at each start of the command line.

    python -m benchmarks.plugins [--plugins 50] [--rounds 15]

Dummy plugins, each a distribution with a spec, a config and an algorithm in modules of their own,
are written to a scratch folder. Printed is the time of `discover()` with them over that without,
for each plugin. It is an error if a config or algorithm module was imported.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

SPEC = """
from lab import ExperimentSpec, hookimpl

@hookimpl
def lab_experiments():
    yield ExperimentSpec(
        name="{name}", summary="A dummy", config="{package}.config:Config",
        experiment="{package}.algorithm:Algorithm",
    )
"""
PROBE = """
import json, sys, time
from lab.plugins import discover
began = time.perf_counter()
plugins = discover()
seconds = time.perf_counter() - began
heavy = [name for name in sys.modules if name.startswith("dummy_") and "." in name]
print(json.dumps({"seconds": seconds, "offered": len(plugins.experiments()), "imported": heavy}))
"""


def write_plugins(folder: Path, number: int) -> None:
    for index in range(number):
        name, package = f"dummy-{index}", f"dummy_{index}"
        (folder / package).mkdir()
        (folder / package / "__init__.py").write_text(SPEC.format(name=name, package=package))
        (folder / package / "config.py").write_text("import lab\nclass Config(lab.Config): ...\n")
        (folder / package / "algorithm.py").write_text("import torch\nclass Algorithm: ...\n")
        info = folder / f"{package}-1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        (info / "entry_points.txt").write_text(f"[lab]\n{name} = {package}\n")


def probe(path: str) -> dict[str, Any]:
    env = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, "-c", PROBE]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


@click.command()
@click.option("--plugins", default=50, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=15, show_default=True, type=click.IntRange(1))
def main(plugins: int, rounds: int) -> None:
    """Print the cost of each installed plugin at start-up."""
    costs = []
    with tempfile.TemporaryDirectory() as scratch:
        write_plugins(Path(scratch), plugins)
        for _ in range(rounds):
            without, among = probe(""), probe(scratch)
            costs.append(1e3 * (among["seconds"] - without["seconds"]) / plugins)
            assert among["offered"] == without["offered"] + plugins, among
            assert among["imported"] == [], among
    print(
        f"{plugins} plugins, {rounds} rounds: {statistics.median(costs):.2f} "
        f"[{min(costs):.2f}, {max(costs):.2f}] ms each; no config or algorithm was imported"
    )


if __name__ == "__main__":
    main()
