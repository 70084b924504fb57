"""Prove on an accelerator what the tests prove on a CPU, and measure how fast it is there.

    python -m benchmarks.gpu                       every family, every part, under 8 minutes
    python -m benchmarks.gpu --device cpu          a CPU as the device: to try the script
    python -m benchmarks.gpu --only agree --families cnn,gan

Families are what plugins offer with a preset `tiny`; a new one takes part by itself. Parts of each:
agree, train, repeat, resume, cpu, bf16, fp16, compile; then `rates`, side by side with bare torch
loops. One child process for each family does its parts in turn, several side by side; rates are
timed alone, before the others. Rows are printed and written to results/gpu.json as they come.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import torch

from benchmarks.gpu import installed, jobs
from benchmarks.gpu.family import PARTS
from benchmarks.gpu.rates import CONTESTS
from benchmarks.gpu.rows import FAILED, Row, heading, summary_lines, table_lines

RATES = "rates"
RATES_FRACTION = 0.35  # of the time, at most: correctness counts more than speed
MOST_JOBS = 8


@click.command(help=__doc__)
@click.option("--device", default="cuda", show_default=True, help="cuda, cuda:1, mps or cpu.")
@click.option("--only", multiple=True, type=click.Choice([*PARTS, RATES]), help="Parts to do.")
@click.option("--families", help="Names with commas between; by default all.")
@click.option("--jobs", "number", type=click.IntRange(1), help="Families side by side.")
@click.option("--budget-seconds", default=450.0, show_default=True, help="Time for all of it.")
@click.option("--rounds", type=click.IntRange(1), help="Rounds of each contest of rates.")
@click.option("--out", default="results/gpu.json", show_default=True, type=Path, help="File.")
def main(
    device: str,
    only: Sequence[str],
    families: str | None,
    number: int | None,
    budget_seconds: float,
    rounds: int | None,
    out: Path,
) -> None:
    began, selected = time.time(), only or (*PARTS, RATES)
    deadline = began + budget_seconds
    names = _families(families)
    machine = _machine(device)
    report = Report(out, {"device": device, "platform": platform.platform(), **machine})
    print(report.title, heading(), sep="\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="lab-gpu-", ignore_cleanup_errors=True) as folder:
        common = {"device": device, "rounds": rounds}
        contests = [contest for contest in CONTESTS if contest.split()[0] in names]
        if RATES in selected and contests:
            until = began + RATES_FRACTION * budget_seconds if len(selected) > 1 else deadline
            task = {**common, "family": RATES, "contests": contests, "deadline": until}
            task |= {"parts": [RATES], "folder": f"{folder}/rates"}
            report.add_all(jobs.run([task], 1, until))
        parts = [part for part in PARTS if part in selected]
        tasks = [
            {**common, "family": name, "parts": parts, "deadline": deadline,
             "folder": f"{folder}/{name}"}
            for name in names if parts
        ]  # fmt: skip
        report.add_all(jobs.run(tasks, number or _side_by_side(), deadline))
    print(*summary_lines(report.rows), f"{time.time() - began:.0f} s; {out}", sep="\n")
    sys.exit(1 if any(row.status == FAILED for row in report.rows) else 0)


class Report:
    """The rows so far, on the screen and in a file."""

    def __init__(self, path: Path, info: Mapping[str, Any]) -> None:
        self.path, self.info = path, info
        self.rows: list[Row] = []

    @property
    def title(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.info.items())

    def add_all(self, rows: Any) -> None:
        for row in rows:
            self.rows.append(row)
            print(*table_lines(row), sep="\n", flush=True)
            self.write()

    def write(self) -> None:
        """Write all of it atomically."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        report = {**self.info, "rows": [vars(row) for row in self.rows]}
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps(report, indent=1) + "\n")
        temporary.replace(self.path)


def _families(families: str | None) -> list[str]:
    """Return the experiments that take part."""
    installed.ensure()
    from lab.plugins import discover

    plugins = discover()
    for plugin in plugins.broken:
        click.echo(f"The plugin {plugin.name} is broken: {plugin.error}", err=True)
    available = [spec.name for spec in plugins.experiments() if "tiny" in spec.presets]
    if not families:
        return available
    unknown = set(families.split(",")) - set(available)
    if unknown:
        raise click.UsageError(f"there is no family {', '.join(unknown)}; there is: {available}")
    return families.split(",")


def _side_by_side() -> int:
    """Return how many families fit: each has a child, and a second one that is to be killed."""
    return max(1, min(MOST_JOBS, (os.cpu_count() or 1) // 2))


def _machine(device: str) -> dict[str, Any]:
    """Return what computes. Raises UsageError where there is no such device."""
    cuda = torch.cuda.is_available()
    if device.startswith("cuda") and not cuda:
        raise click.UsageError(
            "There is no CUDA device here. --device cpu tries the script on this machine."
        )
    name = torch.cuda.get_device_name() if cuda else "no CUDA device"
    return {"torch": torch.__version__, "accelerator": name, "cores": os.cpu_count()}


if __name__ == "__main__":
    main()
