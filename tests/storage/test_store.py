"""A run folder stays readable whatever happened to it, and belongs to one process at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import helpers
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import LabError, UsageError
from lab.storage import store
from lab.storage.store import Run, RunFolder

RECORD = {"experiment": "odd", "config": {"lr": 0.5}, "run": {"seed": 0}}
ROWS = [{"clock": n, "train/loss": n / 7} for n in range(5)]


@pytest.fixture
def folder(tmp_path):
    made = RunFolder.create(tmp_path / "runs" / "one", RECORD)
    yield made
    made.close()


def hold(folder: Path) -> subprocess.Popen[str]:
    """Let another process have the run, in state `running`."""
    code = (
        "import sys, time; from pathlib import Path; from lab.storage.store import RunFolder\n"
        f"run = RunFolder.create(Path({str(folder)!r}), {RECORD!r})\n"
        "run.append({'clock': 1}); run.write_summary({'state': 'running'})\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        env=helpers.child_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout
    assert child.stdout.readline() == "ready\n"
    return child


def test_a_run_reads_back_as_it_was_written(folder) -> None:
    for row in ROWS:
        folder.append(row)
    folder.write_summary({"state": "finished", "seconds": 1.5})
    run = Run(folder.dir)
    assert run.metrics() == ROWS
    assert (run.record, run.config, run.summary["seconds"]) == (RECORD, {"lr": 0.5}, 1.5)
    assert (run.name, run.state) == ("one", "finished")


def test_a_row_is_readable_by_others_as_soon_as_it_is_appended(folder) -> None:
    folder.append(ROWS[0])
    code = f"print(open({str(folder.dir / 'metrics.jsonl')!r}).read(), end='')"
    seen = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(seen.stdout) == ROWS[0]


@given(cut=st.integers(0, 200))
def test_a_torn_last_line_costs_that_line_alone(tmp_path_factory, cut) -> None:
    run = tmp_path_factory.mktemp("torn")
    text = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    torn = text[: max(0, len(text) - cut)]
    (run / "metrics.jsonl").write_bytes(torn)
    complete = torn.count(b"\n")
    assert Run(run).metrics()[:complete] == ROWS[:complete]
    assert len(Run(run).metrics()) in (complete, complete + 1)  # a line may lack its newline alone


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\x00", b"null"])
def test_a_damaged_summary_reads_as_crashed_and_empty(folder, content) -> None:
    (folder.dir / "summary.json").write_bytes(content)
    folder.close()
    assert Run(folder.dir).summary == {}
    assert Run(folder.dir).state == "crashed"


@pytest.mark.parametrize("content", ["", "{", "- 1\n", "lr: 1\n"])
def test_a_damaged_config_is_a_plain_error(folder, content) -> None:
    (folder.dir / "config.yaml").write_text(content)
    with pytest.raises(LabError, match=r"config\.yaml"):
        _ = Run(folder.dir).record


def test_a_run_in_use_by_another_process_is_refused(tmp_path) -> None:
    child = hold(tmp_path / "one")
    try:
        assert Run(tmp_path / "one").state == "running"
        with pytest.raises(UsageError, match="in use by another process"):
            RunFolder(tmp_path / "one")
        assert Run(tmp_path / "one").state == "running"
    finally:
        child.kill()
        child.communicate()


def test_a_killed_run_shows_as_crashed_and_can_be_taken_over(tmp_path) -> None:
    child = hold(tmp_path / "one")
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert Run(tmp_path / "one").state == "crashed"
    taken = RunFolder(tmp_path / "one")
    assert Run(tmp_path / "one").metrics() == [{"clock": 1}]
    taken.close()


def test_looking_at_a_run_never_keeps_it_from_starting(tmp_path) -> None:
    """Whoever lists runs looks at the lock for a moment."""
    RunFolder.create(tmp_path / "one", RECORD).close()
    code = (
        "from pathlib import Path; from lab.storage.store import is_locked\n"
        "print('ready', flush=True)\n"
        f"while True: is_locked(Path({str(tmp_path / 'one')!r}))"
    )
    lister = subprocess.Popen(
        [sys.executable, "-c", code],
        env=helpers.child_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert lister.stdout
        lister.stdout.readline()
        for _ in range(300):
            RunFolder(tmp_path / "one").close()
    finally:
        lister.kill()
        lister.communicate()


def test_a_folder_is_never_overwritten(folder) -> None:
    folder.append(ROWS[0])
    with pytest.raises(UsageError, match=r"exists.*lab resume"):
        RunFolder.create(folder.dir, RECORD)
    assert Run(folder.dir).metrics() == ROWS[:1]


def test_a_folder_that_cannot_be_made_is_a_plain_error(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file is a file, not a folder"):
        RunFolder.create(tmp_path / "file" / "one", RECORD)
    with pytest.raises(LabError, match="cannot create"):
        RunFolder.create(Path("/proc/runs/one"), RECORD)


def test_a_run_killed_while_it_is_created_leaves_no_half_a_folder(tmp_path) -> None:
    """At every file operation: afterwards the name is free, or the folder is a run."""
    for step in range(1, 50):
        child = os.fork()
        if child == 0:
            kill_at(step)
            RunFolder.create(tmp_path / f"run{step}", RECORD)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        run = tmp_path / f"run{step}"
        assert not run.exists() or Run(run).record == RECORD
        assert {r.name for r in store.runs(tmp_path)} <= {f"run{n}" for n in range(1, step + 1)}
        if status == 0:
            break
    assert status == 0
    assert step > 5


def kill_at(step: int) -> None:
    """End this process like a SIGKILL at its `step`-th event on files."""
    left = step

    def count(event: str, args: tuple[object, ...]) -> None:
        nonlocal left
        if event in ("open", "os.mkdir", "os.rename", "fcntl.flock"):
            left -= 1
            if left == 0:
                os._exit(9)

    sys.addaudithook(count)


@given(st.integers(0, 5), st.integers(0, 5))
def test_cutting_keeps_the_rows_before_and_counts_those_after(tmp_path_factory, before, after):
    run = RunFolder.create(tmp_path_factory.mktemp("cut") / "run", RECORD)
    for row in ROWS[:before]:
        run.append(row)
    length = run.metrics_bytes
    for row in ROWS[before : before + after]:
        run.append(row)
    dropped = len(ROWS[before : before + after])
    run.close()
    reopened = RunFolder(run.dir)
    assert reopened.cut(length) == dropped
    reopened.append({"clock": 99})
    assert Run(run.dir).metrics() == [*ROWS[:before], {"clock": 99}]
    assert reopened.metrics_bytes == (run.dir / "metrics.jsonl").stat().st_size
    reopened.close()


def test_cutting_never_makes_the_file_longer(folder) -> None:
    """After a power failure the checkpoint may know more rows than the disk."""
    folder.append(ROWS[0])
    folder.cut(folder.metrics_bytes + 100)
    folder.append(ROWS[1])
    assert Run(folder.dir).metrics() == ROWS[:2]


def test_rows_are_on_the_disk_before_a_checkpoint_counts_them(folder, monkeypatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    folder.append(ROWS[0])
    assert folder.metrics_bytes == synced[-1] == (folder.dir / "metrics.jsonl").stat().st_size


def test_find_takes_a_path_or_a_name_and_hints_at_near_names(folder, tmp_path) -> None:
    runs = tmp_path / "runs"
    assert store.find(str(folder.dir), Path("nowhere")).dir == folder.dir
    assert store.find("one", runs).dir == folder.dir
    with pytest.raises(UsageError, match=r"no run 'onne'.*Did you mean 'one'"):
        store.find("onne", runs)
    with pytest.raises(UsageError, match="lab runs"):
        store.find("zzz", runs)
    (runs / "empty").mkdir()
    with pytest.raises(UsageError, match="not a run folder"):
        store.find("empty", runs)


def test_listing_passes_over_what_is_no_run(folder, tmp_path) -> None:
    (tmp_path / "runs" / "notes.txt").touch()
    (tmp_path / "runs" / "empty").mkdir()
    assert [run.name for run in store.runs(tmp_path / "runs")] == ["one"]
    assert list(store.runs(tmp_path / "nowhere")) == []
    assert list(store.runs(tmp_path / "runs" / "notes.txt")) == []


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "summary.json"
    store.write_atomically(path, b"old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_a_reader_never_sees_half_a_summary(folder) -> None:
    folder.write_summary({"n": -1, "state": "running"})
    code = (
        "from pathlib import Path; from lab.storage import store\nn = 0\n"
        "print('ready', flush=True)\n"
        f"while True:\n store.write_atomically(Path({str(folder.dir / 'summary.json')!r}),"
        ' b\'{"n": %d, "fill": "%s"}\' % (n, b\'x\' * (n % 9000))); n += 1'
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code],
        env=helpers.child_environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout
        writer.stdout.readline()
        end = time.monotonic() + 0.5
        seen = set()
        while time.monotonic() < end:
            seen.add(Run(folder.dir).summary["n"])
        assert len(seen) > 3
    finally:
        writer.kill()
        writer.communicate()


def test_the_log_is_stamped(folder) -> None:
    folder.log("hello")
    stamp, _, message = (folder.dir / "log.txt").read_text().partition(" ")
    assert message == "hello\n"
    assert time.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")


def test_the_record_is_yaml_that_people_can_read(folder) -> None:
    text = (folder.dir / "config.yaml").read_text()
    assert yaml.safe_load(text) == RECORD
    assert text.startswith("experiment: odd\n")
