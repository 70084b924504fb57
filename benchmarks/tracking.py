"""Measure what tracking costs the training: at a logging point, at the start and at the end.

    python -m benchmarks.tracking [--rows 2000] [--pause 0.002]

The same rows are logged with W&B disabled, offline, online against a stand-in server on loopback,
and online against one that hangs, from the start and in the middle. Printed is what a logging point
takes in the training's thread, and how long it waits for the tracker at the start and at the end.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
CASES = ("disabled", "offline", "online", "hangs from the start", "hangs midway")
Switch = Callable[[], None]


def measure(mode: str, rows: int, pause: float, switch: Switch, folder: Path) -> dict[str, float]:
    """Log `rows` rows as a run does, `pause` seconds apart; call `switch` at half of them."""
    from lab.tracking.relay import BackgroundTracker
    from lab.tracking.tracker import RunInfo
    from lab_wandb.options import Options
    from lab_wandb.tracker import WandbTracker

    goal = ("eval/return", "max")
    run = RunInfo("bench", "bench", folder, "e", "t", "g", 0, {"lr": 1e-3}, "env_steps", goal)
    tracker = WandbTracker(Options(wandb=mode))  # type: ignore[arg-type]
    relay = None if mode == "disabled" else BackgroundTracker(lambda: tracker, "wandb", print)
    began = time.perf_counter()
    if relay is not None:
        relay.start(run)
    started = time.perf_counter() - began
    delays = []
    with (folder / "metrics.jsonl").open("a") as file:
        for clock in range(rows):
            if clock == rows // 2:
                if relay is not None:
                    relay.started.wait(60)
                switch()
            row = {"clock": clock, **{f"train/metric_{i}": clock * 0.5 for i in range(10)}}
            began = time.perf_counter()
            file.write(json.dumps(row) + "\n")  # what every run does
            if relay is not None:
                relay.row(row)
            delays.append(time.perf_counter() - began)
            time.sleep(pause)
    began = time.perf_counter()
    if relay is not None:
        relay.finish({"state": "finished"})
    return {
        "p50": statistics.median(delays),
        "p99": statistics.quantiles(delays, n=100)[98],
        "worst": max(delays),
        "start": started,
        "exit": time.perf_counter() - began,
    }


def child(case: str, rows: int, pause: float) -> dict[str, float]:
    """Measure one case in this process, with a home and a server of its own."""
    sys.path.insert(0, str(ROOT / "tests"))
    from fake_wandb import FakeWandb

    with tempfile.TemporaryDirectory() as scratch, FakeWandb() as server:
        os.environ.update(server.env(), HOME=scratch)
        folder = Path(scratch) / "run"
        folder.mkdir()
        if case == "hangs from the start":
            server.fault = "hang"
        hang = case == "hangs midway"
        switch = (lambda: setattr(server, "fault", "hang")) if hang else (lambda: None)
        mode = case if case in ("disabled", "offline") else "online"
        latencies = measure(mode, rows, pause, switch, folder)
        server.fault = "ok"
    return latencies


@click.command()
@click.option("--rows", default=2_000, show_default=True, type=click.IntRange(100))
@click.option("--pause", default=0.002, show_default=True, type=click.FloatRange(0))
@click.option("--case", type=click.Choice(CASES), help="Measure this one here, and print JSON.")
def main(rows: int, pause: float, case: str | None) -> None:
    """Print the milliseconds at a logging point and the seconds at both ends."""
    if case is not None:
        print(json.dumps(child(case, rows, pause)))
        return
    print(f"{rows:,} rows, {pause * 1e3:g} ms apart; ms at a logging point, s at both ends")
    print(f"{'':22}{'p50':>8}{'p99':>8}{'worst':>8}{'start':>8}{'exit':>8}")
    for name in CASES:
        options = ["--rows", str(rows), "--pause", str(pause), "--case", name]
        words = [sys.executable, "-m", "benchmarks.tracking", *options]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        latencies = json.loads(done.stdout.splitlines()[-1])
        times = [latencies[key] * 1e3 for key in ("p50", "p99", "worst")]
        ends = [latencies["start"], latencies["exit"]]
        print(f"{name:22}" + "".join(f"{value:8.2f}" for value in [*times, *ends]), flush=True)


if __name__ == "__main__":
    main()
