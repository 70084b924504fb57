"""`lab rm` and `lab gc` ask first, and never take what somebody still needs."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab.cli import main
from lab.errors import UsageError
from lab.storage import housekeeping
from lab.storage.store import Run, RunFolder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def lab(*words: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, [*words], input=answer, prog_name="lab")


def make(name: str, state: str = "finished", **summary: object) -> Path:
    folder = Path("runs") / name
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text("experiment: dqn\n")
    (folder / "summary.json").write_text(json.dumps({"state": state, "group": "g", **summary}))
    (folder / "metrics.jsonl").write_text('{"clock": 0}\n')
    for checkpoint in ("last.pt", "prev.pt", "best.pt", "100.pt", "200.pt", "last.pt.tmp"):
        (folder / "checkpoints" / checkpoint).write_bytes(b"x" * 10)
    return folder


def names() -> list[str]:
    return sorted(path.name for path in Path("runs").iterdir())


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


def test_a_run_is_removed_only_after_a_yes() -> None:
    make("a")
    make("b")
    assert lab("rm", "a", answer="n\n").exit_code == 1
    assert names() == ["a", "b"]
    done = lab("rm", "a", answer="y\n")
    assert done.exit_code == 0, done.output
    assert "Delete 1 run (" in done.output
    assert names() == ["b"]


def test_nobody_to_ask_is_a_no() -> None:
    make("a")
    assert lab("rm", "a").exit_code == 1
    assert names() == ["a"]


def test_runs_are_chosen_as_everywhere() -> None:
    make("a", "failed")
    make("b", "failed", group="h")
    make("c")
    assert lab("rm", "--state", "failed", "--group", "h", "--yes").exit_code == 0
    assert names() == ["a", "c"]
    assert lab("rm", "--where", "state=failed", "-y").exit_code == 0
    assert names() == ["c"]


def test_everything_is_never_meant_by_saying_nothing() -> None:
    make("a")
    done = lab("rm", "--yes")
    assert (done.exit_code, names()) == (2, ["a"])
    assert "Say which runs" in done.output


def test_a_run_that_is_being_written_is_neither_removed_nor_tidied() -> None:
    folder = make("a", "running")
    writer = RunFolder(folder)
    try:
        assert lab("rm", "a", "--yes").exit_code == 2
        before = checkpoints(folder)
        assert lab("gc", "--yes").exit_code == 0
        assert checkpoints(folder) == before
        with pytest.raises(UsageError, match="interrupt it first"):
            housekeeping.remove(Run(folder))
    finally:
        writer.close()


def test_gc_keeps_last_and_best() -> None:
    finished, failed = make("a"), make("b", "failed")
    assert lab("gc", answer="n\n").exit_code == 1
    assert "100.pt" in checkpoints(finished)
    done = lab("gc", answer="y\n")
    assert done.exit_code == 0, done.output
    assert "Freed 70 bytes" in done.output
    assert checkpoints(finished) == ["best.pt", "last.pt"]
    # a run that will be resumed may need the one before, should its last be torn
    assert checkpoints(failed) == ["best.pt", "last.pt", "prev.pt"]
    assert "nothing to delete" in lab("gc").output


def test_gc_takes_what_a_crash_left_but_not_what_is_under_way() -> None:
    make("a")
    gone = 2**22 + 1  # above any process number
    for name in (f".b.{gone}", f".c.{gone}.removed", f".d.{os.getpid()}", ".hidden"):
        (Path("runs") / name).mkdir()
    assert lab("gc", "--yes").exit_code == 0
    assert names() == [f".d.{os.getpid()}", ".hidden", "a"]


def test_an_interrupted_removal_leaves_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make("a")

    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(KeyboardInterrupt):
        housekeeping.remove(Run(folder))
    assert "a" not in names()
    assert json.loads(lab("runs", "--json").output) == []
