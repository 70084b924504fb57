"""Ctrl-C and SIGTERM save, say how to go on, and cost nothing."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from helpers import difference, last_state, rows, summary

import lab
from lab.engine.signals import Cut, Signals

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
    uninterrupted = train("odd", budget=3000, pause=0.005, log_every=50, eval_every=100).dir
    assert rows(run)[: len(before)] == before
    assert rows(run) == rows(uninterrupted)
    assert difference(last_state(run), last_state(uninterrupted)) is None


def test_a_second_signal_stops_at_once(spawn, tmp_path) -> None:
    child = spawn("run", "odd", "--pause", 600, "--name", "one", "--wandb", "disabled")
    run = tmp_path / "runs" / "one"
    wait_for_rows(child, run, 1)
    while not (run / "checkpoints" / "last.pt").exists():
        time.sleep(0.01)
    time.sleep(0.3)  # into the long step
    child.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert child.poll() is None
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=120)
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


# -- within an evaluation


def test_a_signal_ends_at_once_what_is_interruptible_and_nothing_else() -> None:
    with Signals() as signals:
        signal.raise_signal(signal.SIGTERM)
        assert signals.caught == signal.SIGTERM
        with pytest.raises(Cut), signals.interruptible():  # caught before it began
            raise AssertionError("it began")
    with Signals() as signals:
        with pytest.raises(Cut), signals.interruptible():
            with suppress(Exception):  # as a plugin or an environment may say
                signal.raise_signal(signal.SIGINT)
            raise AssertionError("it went on")
        assert signals.caught == signal.SIGINT


@contextmanager
def hit(split: str, clock: int, number: int) -> Iterator[None]:
    """Let the toy's evaluation of a split, at a clock, be hit by a signal and never end."""
    from lab_odd.odd import Odd

    evaluate = Odd.evaluate

    def endless(self: Odd, requested: str) -> dict[str, float]:
        if (requested, self.ctx.clock) != (split, clock):
            return evaluate(self, requested)
        self.where += 1.0  # half of something that it would have put back
        signal.raise_signal(number)
        raise AssertionError("the evaluation goes on")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Odd, "evaluate", endless)
        yield


@pytest.mark.parametrize("spacing", [0, 10**9])
@pytest.mark.parametrize(
    ("split", "clock", "number"),
    [("eval", 0, signal.SIGTERM), ("eval", 100, signal.SIGINT), ("eval", 200, signal.SIGTERM),
     ("test", 200, signal.SIGTERM)],
)  # fmt: skip
def test_a_signal_cuts_an_evaluation_and_the_resumed_run_ends_alike(
    train, monkeypatch, split, clock, number, spacing
) -> None:
    """`spacing` 0 lets every evaluation be worth a checkpoint before it, 10**9 none."""
    from lab.engine import runner

    options = {"budget": 200, "eval_every": 50, "log_every": 20, "checkpoint_every": 70}
    uninterrupted = train("odd", **options).dir
    monkeypatch.setattr(runner, "SAVE_SPACING", spacing)
    with hit(split, clock, number):
        result = train("odd", **options)
    assert (result.state, result.summary["signal"]) == ("interrupted", number)
    assert "Evaluation is cut short" in (result.dir / "log.txt").read_text()
    stored = last_state(result.dir)
    if spacing == 0 or split == "test":
        assert stored["clock"] == clock
    done = [row["clock"] for row in rows(result.dir) if "eval/score" in row]
    assert done == [point for point in range(0, 250, 50) if point < clock or split == "test"]

    assert lab.resume(result.dir).state == "finished"
    assert rows(result.dir) == rows(uninterrupted)
    assert difference(last_state(result.dir), last_state(uninterrupted)) is None
    ours, theirs = summary(result.dir), summary(uninterrupted)
    assert (ours["objective"], ours["test"]) == (theirs["objective"], theirs["test"])
    names = [
        sorted(p.name for p in (r / "checkpoints").iterdir()) for r in (result.dir, uninterrupted)
    ]
    assert names[0] == names[1]
