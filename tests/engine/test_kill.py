"""A run killed anywhere, as often as one likes, ends as if nothing had happened."""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from helpers import difference, last_state, rows, summary

import lab

TOYS = {
    "toy-gan": {"budget": 9_000},
    "toy-dbn": {"updates": 80},
    "toy-epochs": {"budget": 9_000},
}
CADENCE = {"log_every": 150, "eval_every": 400, "checkpoint_every": 100, "keep_checkpoints": 2}
MOMENTS = ("while beginning", "while starting", "while training", "while saving")


def written(run: Path) -> tuple[int, ...]:
    """Return what changes whenever the run writes."""
    files = (run / "metrics.jsonl", run / "checkpoints" / "last.pt")
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)


def wait(child, condition, timeout: float = 60) -> bool:
    """Wait until the condition holds; False where the child ended first."""
    end = time.monotonic() + timeout
    while not condition():
        if child.poll() is not None:
            return False
        assert time.monotonic() < end
        time.sleep(0.0005)
    return True


def kill_at(child, run: Path, moment: str, rng: random.Random) -> bool:
    """Kill the child at a moment of the kind; False where it had finished before."""
    before = written(run)
    if moment == "while starting":
        time.sleep(rng.uniform(0, 3))
    elif moment == "while beginning":
        wait(child, run.exists)
        time.sleep(rng.uniform(0, 0.1))
    elif moment == "while saving":
        patience = rng.randint(1, 6)
        seen = 0

        def saving() -> bool:
            nonlocal seen
            folder = run / "checkpoints"
            seen += (folder / "last.pt.tmp").exists() or (folder / "best.pt.tmp").exists()
            return seen >= patience

        wait(child, saving)
    elif wait(child, lambda: written(run) != before):
        time.sleep(rng.uniform(0, 0.5))
    child.send_signal(signal.SIGKILL)
    return child.wait() == -signal.SIGKILL


def run_through_kills(spawn, folder: Path, toy: str, moments: list[str], rng) -> int:
    """Start, kill and resume until the run is finished; return how often it was killed."""
    run = folder / "runs" / "killed"
    options = {**TOYS[toy], **CADENCE}
    flags = [word for k, v in options.items() for word in (f"--{k.replace('_', '-')}", v)]
    start = ("run", toy, *flags, "--name", "killed", "--wandb", "disabled")
    killed = 0
    for moment in [*moments, None]:
        if run.exists() and summary_state(run) == "finished":
            break
        child = spawn(*(("resume", "killed") if run.exists() else start))
        if moment is None:
            _, err = child.communicate(timeout=120)
            assert child.returncode == 0, err
        elif kill_at(child, run, moment, rng):
            killed += 1
            assert not run.exists() or summary_state(run) in ("crashed", "finished")
    return killed


def summary_state(run: Path) -> str:
    return lab.Run(run).state


def assert_ends_like_the_uninterrupted_run(train, spawn, folder, toy, moments, rng) -> int:
    killed = run_through_kills(spawn, folder, toy, moments, rng)
    uninterrupted = train(toy, **TOYS[toy], **CADENCE).dir
    resumed = folder / "runs" / "killed"
    assert rows(resumed) == rows(uninterrupted)
    assert difference(last_state(resumed), last_state(uninterrupted)) is None
    ours, theirs = summary(resumed), summary(uninterrupted)
    for key in ("state", "clock", "objective", "ended", "test", "error"):
        assert ours[key] == theirs[key]
    names = [
        sorted(p.name for p in (r / "checkpoints").iterdir()) for r in (resumed, uninterrupted)
    ]
    left_behind = {name for name in names[0] if name.endswith(".tmp")}
    assert set(names[0]) - left_behind == set(names[1])
    shutil.rmtree(resumed)
    return killed


@pytest.mark.parametrize(
    ("toy", "moments"),
    [
        ("toy-gan", ["while beginning", "while saving", "while training"]),
        ("toy-dbn", ["while saving", "while starting", "while training"]),
        ("toy-epochs", ["while training", "while saving", "while starting"]),
    ],
)
def test_a_killed_run_ends_bit_for_bit_like_the_whole_one(
    train, spawn, tmp_path, toy, moments
) -> None:
    rng = random.Random(toy)
    assert assert_ends_like_the_uninterrupted_run(train, spawn, tmp_path, toy, moments, rng) >= 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("toy", TOYS)
def test_a_run_killed_many_times_ends_bit_for_bit_like_the_whole_one(
    train, spawn, tmp_path, toy, seed
) -> None:
    rng = random.Random(f"{toy} {seed}")
    moments = [rng.choice(MOMENTS) for _ in range(12)]
    assert assert_ends_like_the_uninterrupted_run(train, spawn, tmp_path, toy, moments, rng) >= 2
