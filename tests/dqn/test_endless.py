"""An environment that never ends neither holds up a run nor keeps it from being stopped."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helpers
import pytest
from helpers import difference, last_state, rows, summary

import lab
from lab.engine import context

ENDLESS = "worlds:worlds/Odd-v0"
SMALL: dict[str, Any] = {
    "hidden": "4",
    "budget": 60,
    "eval_every": 30,
    "learning_starts": 10,
    "train_freq": 10,
    "eval_episodes": 2,
    "test_episodes": 4,
}


def test_an_endless_environment_is_trained_in_and_its_evaluations_are_cut(
    run_dqn, monkeypatch
) -> None:
    monkeypatch.setattr(context, "EVALUATION_STEPS", 50)
    result = run_dqn(env=ENDLESS, **SMALL)
    assert result.state == "finished"
    evaluations = [row for row in rows(result.dir) if "eval/return" in row]
    assert [row["eval/truncated"] for row in evaluations] == [2, 2, 2]
    assert [row["eval/length"] for row in evaluations] == [50, 50, 50]
    assert result.summary["test"]["test/truncated"] == 4
    lines = [line for line in (result.dir / "log.txt").read_text().splitlines() if "limit" in line]
    assert len(lines) == 1
    assert lab.evaluate(result.dir)["test/truncated"] == 4


def test_a_limit_of_one_s_own_holds_in_training_evaluation_and_test(run_dqn) -> None:
    result = run_dqn(env=ENDLESS, max_episode_steps=5, **SMALL)
    history = rows(result.dir)
    for name in ("train/length", "eval/length", "test/length"):
        assert {row[name] for row in history if name in row} == {5}
    assert {row["eval/truncated"] for row in history if "eval/truncated" in row} == {0}
    assert not (result.dir / "log.txt").exists()


def test_an_environment_that_fails_ends_the_run_in_one_line_with_its_name(cli, tmp_path) -> None:
    words = ("--env", "worlds:worlds/Broken-v0", "--runs-dir", tmp_path / "runs")
    completed = cli("run", "dqn", *words, "--wandb", "disabled", "--quiet")
    assert completed.exit_code == 1
    (line,) = completed.stderr.strip().splitlines()
    assert "--env worlds/Broken-v0: its step raised ZeroDivisionError: no floor here" in line


def test_a_signal_in_an_evaluation_leaves_a_run_that_goes_on_to_the_same_end(run_dqn) -> None:
    options = {**SMALL, "env": "CartPole-v1", "n_envs": 4, "budget": 200, "max_episode_steps": 9}
    uninterrupted = run_dqn("whole", **options).dir
    with helpers.signal_in_evaluation(signal.SIGINT, which=4):
        cut = run_dqn("cut", **options)
    assert (cut.state, cut.summary["signal"]) == ("interrupted", signal.SIGINT)
    assert [row["clock"] for row in rows(cut.dir) if "eval/return" in row] == [0, 30, 60]
    assert lab.resume(cut.dir).state == "finished"
    assert rows(cut.dir) == rows(uninterrupted)
    assert difference(last_state(cut.dir), last_state(uninterrupted)) is None


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    children: list[subprocess.Popen[str]] = []

    def start(*words: object) -> subprocess.Popen[str]:
        child = helpers.start_warm(
            helpers.lab_command(*words),
            cwd=tmp_path,
            env=helpers.child_environment(helpers.ROOT / "tests"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        if child.poll() is None:
            child.kill()
        child.communicate()


def wait_until_inside(child: subprocess.Popen[str], inside: Path) -> None:
    """Wait until an episode is far longer than one that ends."""
    end = time.monotonic() + 120
    while not inside.exists():
        assert child.poll() is None, child.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.05)


def test_sigterm_ends_an_evaluation_that_never_would(spawn, tmp_path) -> None:
    """The first evaluation plays, and no row is written before it ends: so it was hit inside."""
    gate, inside = tmp_path / "gate", tmp_path / "inside"
    options = {
        **SMALL,
        "env": "worlds:worlds/Gated-v0",
        "env_args": f"gate={gate},inside={inside}",
        "max_episode_steps": 10**9,
    }
    flags = [word for k, v in options.items() for word in (f"--{k.replace('_', '-')}", v)]
    child = spawn("run", "dqn", *flags, "--name", "one", "--no-media", "--wandb", "disabled")
    wait_until_inside(child, inside)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=60)
    run = tmp_path / "runs" / "one"
    assert child.returncode == 143, err
    assert "Traceback" not in err
    assert "lab resume" in err
    stored = summary(run)
    assert (stored["state"], stored["signal"]) == ("interrupted", signal.SIGTERM)
    assert rows(run) == []
    assert last_state(run)["clock"] == 0

    gate.touch()
    assert lab.resume(run).state == "finished"
    fixed = {"runs_dir": tmp_path / "whole", "wandb": "disabled", "media": False}
    uninterrupted = lab.run("dqn", name="one", **fixed, **options).dir
    assert rows(run) == rows(uninterrupted)
    assert difference(last_state(run), last_state(uninterrupted)) is None

    gate.unlink()
    inside.unlink()
    child = spawn("eval", run)
    wait_until_inside(child, inside)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=60)
    assert child.returncode in (143, -signal.SIGTERM)
    assert "Traceback" not in err
