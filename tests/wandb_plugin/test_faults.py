"""Whatever W&B does, at the start or in the middle, a run's result is the same to the bit."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import helpers
import pytest
from fake_wandb import FakeWandb, samples

import lab
from lab.tracking.terminal import Silent
from lab_wandb import tracker
from lab_wandb.internals.session import core_process

BOUND = 60.0  # seconds that W&B may hold a run up, at its start and at its end
PATIENCE: dict[str, Any] = {"init_timeout": 1.0, "finish_timeout": 1.5}
OPTIONS: dict[str, Any] = {"budget": 4_000, "eval_every": 1_000, "log_every": 200}
FAULTS = ("hang", "500", "401", "drop")


class MidRun(Silent):
    """Does something at the third row, once the tracker is at work: no sooner, no later."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act, self.rows = act, 0
        self.messages: list[str] = []

    def row(self, *_: object) -> None:
        self.rows += 1
        if self.rows == 3:
            end = time.monotonic() + BOUND
            while not any("/runs/" in line for line in self.messages):
                assert time.monotonic() < end
                time.sleep(0.02)
            self.act()

    def say(self, message: str) -> None:
        self.messages.append(message)


def train(folder: Path, mode: str, terminal: Any = None) -> Path:
    result: lab.RunResult = lab.run(
        "toy-epochs", name="one", runs_dir=folder, wandb=mode, terminal=terminal, **OPTIONS
    )
    assert result.state == "finished"
    return result.dir


@pytest.fixture
def alone(home: Path, toys: None, tmp_path: Path) -> Path:
    """The run with W&B disabled."""
    return train(tmp_path / "alone", "disabled")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker, "WandbTracker", partial(tracker.WandbTracker, **PATIENCE))


def assert_no_thread_is_left() -> None:
    left = [thread for thread in threading.enumerate() if thread.name.startswith("wandb")]
    for thread in left:
        thread.join(BOUND)
    assert not any(thread.is_alive() for thread in left), left


def assert_same(run: Path, alone: Path) -> None:
    assert helpers.difference(helpers.last_state(run), helpers.last_state(alone)) is None
    assert helpers.rows(run) == helpers.rows(alone)


def test_online_a_run_is_the_same_and_arrives(
    server: FakeWandb, alone: Path, tmp_path: Path
) -> None:
    run = train(tmp_path / "online", "online")
    assert_same(run, alone)
    (arrived,) = server.runs.values()
    assert samples(arrived) == [row["clock"] for row in helpers.rows(run)]
    assert arrived.exitcode == 0
    assert sorted(a.state for a in server.artifacts.values()) == ["COMMITTED"] * 2


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_fails_from_the_start_changes_nothing(
    fault: Any, server: FakeWandb, alone: Path, impatient: None, tmp_path: Path
) -> None:
    server.fault = fault
    began = time.monotonic()
    run = train(tmp_path / "online", "online")
    assert time.monotonic() - began < BOUND
    server.fault = "ok"
    assert_same(run, alone)
    assert len(list((run / "wandb").glob("offline-run-*"))) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_server_that_fails_midway_changes_nothing(
    fault: Any, server: FakeWandb, alone: Path, impatient: None, tmp_path: Path
) -> None:
    terminal = MidRun(lambda: setattr(server, "fault", fault))
    began = time.monotonic()
    run = train(tmp_path / "online", "online", terminal)
    assert time.monotonic() - began < BOUND
    server.fault = "ok"
    assert_same(run, alone)
    assert any("later: lab sync" in line for line in terminal.messages), terminal.messages
    assert_no_thread_is_left()


def test_a_client_that_is_killed_midway_changes_nothing(
    server: FakeWandb, alone: Path, impatient: None, tmp_path: Path
) -> None:
    def kill() -> None:
        core = core_process()
        assert core is not None
        os.kill(core.pid, signal.SIGKILL)
        core.wait()

    terminal = MidRun(kill)
    run = train(tmp_path / "online", "online", terminal)
    assert_same(run, alone)
    assert any("given up, the run folder has everything" in line for line in terminal.messages), (
        terminal.messages
    )
    assert_no_thread_is_left()


@pytest.mark.slow
@pytest.mark.parametrize("start", [True, False])
def test_with_the_waits_as_they_are_a_hang_is_bounded(
    start: bool, server: FakeWandb, alone: Path, tmp_path: Path
) -> None:
    terminal = MidRun(lambda: setattr(server, "fault", "hang"))
    if start:
        server.fault, terminal.rows = "hang", 3
    began = time.monotonic()
    run = train(tmp_path / "online", "online", terminal)
    assert time.monotonic() - began < BOUND + 5
    server.fault = "ok"
    assert_same(run, alone)
