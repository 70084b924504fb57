"""Ctrl-C and SIGTERM save, say how to go on, and cost nothing."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from helpers import difference, last_state, rows, summary

import lab
from lab.signals import Signals

CADENCE = ("--log-every", 50, "--eval-every", 100)


def wait_for_rows(child, run: Path, number: int, timeout: float = 60) -> None:
    """Return once the run has that many rows: from its first on, it listens to signals."""
    end = time.monotonic() + timeout
    metrics = run / "metrics.jsonl"
    while not metrics.exists() or metrics.read_bytes().count(b"\n") < number:
        assert child.poll() is None, child.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.005)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_the_resumed_run_ends_alike(
    spawn, train, tmp_path, number, code
) -> None:
    words = ("--budget", 3000, "--pause", 0.005, "--name", "one", "--wandb", "disabled")
    child = spawn("run", "odd", *words, *CADENCE)
    run = tmp_path / "runs" / "one"
    wait_for_rows(child, run, 4)
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == code
    assert "Saving. Once more stops at once." in err
    assert "Interrupted. Continue with: lab resume runs/one" in err
    assert "Traceback" not in err
    assert out.startswith("state")
    stored = summary(run)
    assert (stored["state"], stored["signal"]) == ("interrupted", int(number))
    assert 0 < stored["clock"]["value"] < 3000
    assert last_state(run)["clock"] == stored["clock"]["value"]
    before = rows(run)

    assert lab.resume(run).state == "finished"
    assert summary(run)["signal"] is None
    whole = train("odd", budget=3000, pause=0.005, log_every=50, eval_every=100).dir
    assert rows(run)[: len(before)] == before
    assert rows(run) == rows(whole)
    assert difference(last_state(run), last_state(whole)) is None


def test_a_second_signal_stops_at_once(spawn, tmp_path) -> None:
    child = spawn("run", "odd", "--pause", 60, "--name", "one", "--wandb", "disabled")
    run = tmp_path / "runs" / "one"
    wait_for_rows(child, run, 1)
    while not (run / "checkpoints" / "last.pt").exists():
        time.sleep(0.01)
    time.sleep(0.3)  # into the long step
    child.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert child.poll() is None
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert child.returncode == 130
    assert "Traceback" not in err
    assert summary(run)["state"] == "interrupted"
    assert last_state(run)["clock"] == 0


def test_a_group_of_seeds_is_interrupted_as_one(spawn, tmp_path) -> None:
    words = ("--seeds", 2, "--jobs", 2, "--pause", 0.02, "--budget", 10**6)
    child = spawn("run", "odd", *words, "--wandb", "disabled", *CADENCE)
    end = time.monotonic() + 60
    while len(list(tmp_path.glob("runs/*/checkpoints/last.pt"))) < 2:
        assert time.monotonic() < end
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert out.count("interrupted") == 2
    assert "Traceback" not in err
    states = [summary(run)["state"] for run in sorted(tmp_path.glob("runs/*"))]
    assert states == ["interrupted", "interrupted"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_seed_starts_after_a_signal_however_early_it_comes(spawn, tmp_path, number) -> None:
    """The first seed's process is still importing: it dies of the signal without a word."""
    child = spawn("run", "odd", "--seeds", 3, "--pause", 0.02, "--budget", 10**6)
    end = time.monotonic() + 60
    while not _children(child.pid):
        assert time.monotonic() < end
        time.sleep(0.005)
    child.send_signal(number)
    child.communicate(timeout=60)
    assert child.returncode == 128 + number
    assert len(list(tmp_path.glob("runs/*"))) <= 1


def _children(pid: int) -> str:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return "".join(task.read_text() for task in tasks)


def test_a_signal_says_nothing_itself(capfd) -> None:
    """The loop may be in the middle of printing."""
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
    assert signals.caught == signal.SIGINT
    assert capfd.readouterr() == ("", "")


def test_a_notebook_keeps_its_own_handlers(train) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    train("odd")
    with pytest.raises(lab.RunFailed):
        train("odd", trouble="raise-step")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_run_outside_the_main_thread_leaves_signals_alone(train) -> None:
    from threading import Thread

    results: list[str] = []
    thread = Thread(target=lambda: results.append(train("odd").state))
    thread.start()
    thread.join()
    assert results == ["finished"]
