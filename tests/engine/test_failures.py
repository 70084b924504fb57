"""A run that fails says why, keeps its rows, and leaves a checkpoint to go on from."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from helpers import difference, last_state, rows, summary

import lab
from lab.engine import checkpoint
from lab.storage.store import RunFolder

EXPECTED = {
    "raise-step": "ZeroDivisionError: stumbled in step (odd.py:",
    "raise-evaluate": "ZeroDivisionError: stumbled in evaluate (odd.py:",
    "nan-loss": "loss became nan by clock",
    "nan-eval": "eval/score became nan by clock",
    "unpicklable": "['extra'] is a function",
    "unplain": "['extra']['memory'] is a deque",
}


@pytest.mark.parametrize("trouble", EXPECTED)
def test_a_failure_is_recorded_and_costs_no_row_before_it(cli, tmp_path, train, trouble) -> None:
    every = ("--log-every", 10, "--eval-every", 20, "--checkpoint-every", 20)
    result = cli("run", "odd", "--trouble", trouble, "--at", 100, "--name", "bad", *every)
    run = tmp_path / "runs" / "bad"
    assert result.exit_code == 1
    message = result.stderr.partition("Error: ")[2]
    assert EXPECTED[trouble] in message
    assert "runs/bad failed: " in message
    assert "Traceback" not in result.stderr
    assert len(message.splitlines()) <= 2
    stored = summary(run)
    assert stored["state"] == "failed"
    assert EXPECTED[trouble] in stored["error"]
    assert "Traceback" in (run / "log.txt").read_text()
    cadence = {"log_every": 10, "eval_every": 20, "checkpoint_every": 20}
    healthy = rows(train("odd", **cadence).dir)
    kept = rows(run)
    assert kept == healthy[: len(kept)]
    assert kept[-1]["clock"] >= 90
    assert checkpoint.load(run / "checkpoints" / "last.pt")["clock"] in (80, 90, 100)
    assert result.stdout == ""


def test_a_state_that_no_checkpoint_holds_is_known_at_the_start(train) -> None:
    for trouble, expected in {"unpicklable": "function", "unplain": "'memory'"}.items():
        with pytest.raises(lab.RunFailed, match=expected) as failed:
            train("odd", trouble=trouble, at=0)
        assert "state_dict()['extra']" in str(failed.value)
        assert rows(Path(failed.value.dir)) == []


def test_no_checkpoint_is_written_from_a_diverged_state(train) -> None:
    with pytest.raises(lab.RunFailed) as failed:
        train("odd", trouble="nan-loss", at=100, log_every=1000, checkpoint_every=10)
    last = checkpoint.load(Path(failed.value.dir) / "checkpoints" / "last.pt")
    assert last["clock"] <= 100


def test_a_failure_carries_its_cause_and_folder(train) -> None:
    with pytest.raises(lab.RunFailed) as failed:
        train("odd", trouble="raise-step", name="bad")
    assert isinstance(failed.value.__cause__, ZeroDivisionError)
    assert Path(failed.value.dir).name == "bad"
    assert lab.Run(Path(failed.value.dir)).state == "failed"


def test_a_repaired_experiment_goes_on_from_a_failed_run(train, monkeypatch) -> None:
    import lab_odd.odd

    with pytest.raises(lab.RunFailed) as failed:
        train("odd", trouble="raise-step", checkpoint_every=40)
    monkeypatch.setattr(lab_odd.odd.Odd, "stumble", lambda self, where: None)
    resumed = lab.resume(failed.value.dir)
    healthy = train("odd", checkpoint_every=40)
    assert resumed.state == "finished"
    assert resumed.summary["error"] is None
    assert rows(resumed.dir) == rows(healthy.dir)


@pytest.mark.parametrize(
    ("runs_dir", "code", "why"),
    [
        ("file", 2, "file is a file, not a folder"),
        ("file/deeper", 2, "file is a file, not a folder"),
        ("/proc/runs", 1, "Error: cannot create "),
    ],
)
def test_a_runs_folder_that_cannot_be_made_is_a_plain_error(
    cli, tmp_path, runs_dir, code, why
) -> None:
    (tmp_path / "file").touch()
    result = cli("run", "odd", "--runs-dir", runs_dir)
    assert result.exit_code == code
    assert why in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_checkpoint_that_does_not_fit_is_refused_in_one_line(cli, train) -> None:
    result = train("toy-gan", budget=500, name="one")
    last = result.dir / "checkpoints" / "last.pt"
    state = checkpoint.load(last)
    state["experiment"]["model"]["0.weight"] = torch.zeros(3, 3)
    state["experiment"]["model"]["extra"] = torch.zeros(3)
    checkpoint.save(last, state)
    refused = cli("resume", "one", "--budget", 1000, "--quiet")
    assert refused.exit_code == 1
    assert "RuntimeError: Error(s) in loading state_dict" in refused.stderr
    assert len(refused.stderr.splitlines()) <= 2
    assert lab.Run(result.dir).state == "finished"


# -- a full disk


def full(*args: object, **kwargs: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("where", ["checkpoint", "metrics", "summary"])
def test_a_disk_that_fills_up_fails_the_run_plainly(train, monkeypatch, where) -> None:
    import lab_odd.odd

    step = lab_odd.odd.Odd.step

    def fill(self) -> int:
        if self.ctx.clock == 100:
            target = {
                "checkpoint": (torch, "save"),
                "metrics": (RunFolder, "append"),
                "summary": (RunFolder, "write_summary"),
            }[where]
            monkeypatch.setattr(*target, full)
        return step(self)

    monkeypatch.setattr(lab_odd.odd.Odd, "step", fill)
    cadence = {"checkpoint_every": 20, "log_every": 10, "eval_every": 20}
    with pytest.raises(lab.RunFailed, match="No space left on device") as failed:
        train("odd", **cadence)
    monkeypatch.undo()
    run = Path(failed.value.dir)
    assert lab.Run(run).state == ("crashed" if where == "summary" else "failed")
    assert [row["clock"] for row in rows(run)][-1] >= 100
    assert checkpoint.load(run / "checkpoints" / "last.pt")["clock"] in (80, 100)
    assert not list(run.rglob("*.tmp"))


def test_a_disk_without_room_for_the_run_folder_is_a_plain_error(cli, monkeypatch) -> None:
    monkeypatch.setattr(os, "fsync", full)
    result = cli("run", "odd", "--name", "one")
    assert result.exit_code == 1
    assert result.stderr == "Error: cannot create runs/one: No space left on device\n"


@pytest.fixture
def tiny_disk(tmp_path):
    """A real file system of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_run_goes_on_exactly_once_a_full_disk_has_room_again(cli, tiny_disk, train) -> None:
    """The first checkpoints fit; the fourth copy does not."""
    options = {"ballast": 300_000, "checkpoint_every": 40, "keep_checkpoints": 1}
    flags = [word for k, v in options.items() for word in (f"--{k.replace('_', '-')}", v)]
    result = cli("run", "odd", *flags, "--runs-dir", tiny_disk, "--name", "one")
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    run = tiny_disk / "one"
    assert summary(run)["state"] == "failed"
    assert "No space left" in summary(run)["error"]
    assert checkpoint.load(run / "checkpoints" / "last.pt")["clock"] == 0
    subprocess.run(["mount", "-o", "remount,size=8m", str(tiny_disk)], check=True)
    assert lab.resume(run).state == "finished"
    healthy = train("odd", **options).dir
    assert rows(run) == rows(healthy)
    assert difference(last_state(run), last_state(healthy)) is None


def test_a_disk_full_to_the_last_byte_tears_at_most_the_last_row(
    cli, tiny_disk, train, monkeypatch
) -> None:
    import lab_odd.odd

    step = lab_odd.odd.Odd.step

    def fill(self) -> int:
        if self.ctx.clock == 100:
            with contextlib.suppress(OSError), (tiny_disk / "filler").open("wb", 0) as filler:
                while True:
                    filler.write(bytes(512))
        return step(self)

    words = ("--runs-dir", tiny_disk, "--name", "one", "--log-every", 1, "--checkpoint-every", 50)
    with monkeypatch.context() as patch:
        patch.setattr(lab_odd.odd.Odd, "step", fill)
        result = cli("run", "odd", *words, "--budget", 2000)
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    run = tiny_disk / "one"
    assert lab.Run(run).state in ("failed", "crashed")
    kept = lab.Run(run).metrics()
    assert kept[-1]["clock"] >= 100
    (tiny_disk / "filler").unlink()
    assert lab.resume(run).state == "finished"
    healthy = train("odd", log_every=1, checkpoint_every=50, budget=2000).dir
    assert rows(run) == rows(healthy)


def test_a_run_whose_checkpoints_are_gone_is_left_alone(train, cli) -> None:
    result = train("odd", name="bare")
    before = (result.dir / "metrics.jsonl").read_bytes()
    shutil.rmtree(result.dir / "checkpoints")
    resumed = cli("resume", "bare", "--budget", 400)
    assert resumed.exit_code == 1
    assert "They are left alone: start a new run" in resumed.stderr
    assert (result.dir / "metrics.jsonl").read_bytes() == before


def test_a_damaged_best_checkpoint_says_where_to_look(train, cli) -> None:
    result = train("odd", name="torn")
    (result.dir / "checkpoints" / "best.pt").write_bytes(b"torn")
    evaluated = cli("eval", "torn")
    assert evaluated.exit_code == 1
    assert "try --checkpoint last" in evaluated.stderr
    assert cli("eval", "torn", "--checkpoint", "last").exit_code == 0


def test_a_damaged_config_is_one_line(train, cli) -> None:
    result = train("odd", name="garbled")
    (result.dir / "config.yaml").write_text("a: [")
    completed = cli("show", "garbled")
    assert completed.exit_code == 1
    assert (
        completed.stderr.strip() == "Error: runs/garbled/config.yaml cannot be read: it is not YAML"
    )


def test_a_criterion_that_was_not_reached_is_said(train) -> None:
    result = train("odd", stop_at="eval/score>=1e9")
    assert "eval/score>=1e+09 was not reached" in (result.dir / "log.txt").read_text()
