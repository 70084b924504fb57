"""`lab sync` brings the server to what a run folder says: once, in order, and not by trust."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import helpers
import pytest
from click.testing import CliRunner, Result
from fake_wandb import FakeWandb, samples
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import lab
from lab.cli import main
from lab.storage.store import Run, RunFolder
from lab.tracking.tracker import RunInfo
from lab_wandb.internals import parts, transaction_log
from lab_wandb.internals.sync import Outcome, sync
from lab_wandb.options import Options
from lab_wandb.tracker import WandbTracker

MakeRun = Callable[..., RunInfo]
SUMMARY = {"state": "finished", "clock": {"name": "env_steps", "value": 20}, "seconds": 3.5}


def rows(clocks: range) -> list[dict[str, float]]:
    return [{"clock": clock, "eval/return": float(clock)} for clock in clocks]


def follow(
    run: RunInfo,
    clocks: range,
    mode: Any = "offline",
    summary: Any = SUMMARY,
    checkpoint: bytes | None = None,
    **limits: Any,
) -> None:
    """Write a part of a run with the real client, and what makes its folder a run's."""
    (run.dir / "config.yaml").write_text(f"experiment: dqn\nid: {run.id}\nrun: {{}}\n")
    (run.dir / "summary.json").write_text(json.dumps({"name": run.name, **summary}))
    tracker = WandbTracker(Options(wandb=mode), **limits)
    tracker.start(run)
    for row in rows(clocks):
        tracker.row(row)
    if checkpoint is not None:
        (run.dir / "last.pt").write_bytes(checkpoint)
        tracker.checkpoint("last", run.dir / "last.pt")
    tracker.finish(summary)


def clocks(server: FakeWandb, name: str = "abc123") -> list[float]:
    """The axis as it arrived, in order."""
    return [row["env_steps"] for row in server.runs[name].history if "eval/return" in row]


def upload(run: RunInfo, **options: Any) -> Outcome:
    (outcome,) = sync([Run(run.dir)], **options)
    return outcome


def command(*words: object) -> Result:
    return CliRunner().invoke(main, ["sync", "--runs-dir", "runs", *map(str, words)])


def interrupt(server: FakeWandb, rows: int, fault: Any = "hang") -> None:
    """Let the server take so many rows of the next upload and no more, and then fail."""
    take = server._file_stream

    def take_some(run: Any, request: Any) -> Any:
        history = request.get("files", {}).get("wandb-history.jsonl")
        if history:
            del history["content"][rows:]
            server._file_stream = take  # type: ignore[method-assign]
            server.fault = fault
        return take(run, request)

    server._file_stream = take_some  # type: ignore[method-assign]


# -- what arrives


def test_an_offline_run_is_uploaded_whole_and_once(
    server: FakeWandb, make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run()
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (run.dir / "config.yaml").write_text("experiment: dqn\n")
    (run.dir / "summary.json").write_text('{"state": "finished"}')
    (run.dir / "last.pt").write_bytes(b"weights")
    tracker = WandbTracker(Options(wandb="offline"))
    tracker.start(run)
    tracker.source("moons", {"name": "moons", "argument": {"n": 100}})
    for row in rows(range(30)):
        tracker.row(row)
    tracker.media("a", tmp_path / "a.png", 29)
    tracker.checkpoint("last", run.dir / "last.pt")
    tracker.finish(SUMMARY)

    first = command("--json")
    (report,) = json.loads(first.stdout)
    url = f"{server.url}/tester/lab/runs/abc123"
    assert first.exit_code == 0, first.output
    assert (report["done"], report["rows"], report["url"]) == ("uploaded", 31, url)
    arrived = server.runs["abc123"]
    assert clocks(server) == list(range(30))
    assert arrived.summary["state"] == "finished"
    assert any(name.startswith("media/images/") for name in arrived.files)
    by_type = {artifact.type: artifact for artifact in server.artifacts.values()}
    assert by_type["model"].files == {"last.pt": b"weights"}
    assert (by_type["model"].run, by_type["model"].readers) == ("abc123", [])
    assert helpers.summary(run.dir) == {"state": "finished", "links": {"wandb": url}}

    requests = len(server.requests)
    second = command()
    assert second.exit_code == 0
    assert second.stdout.splitlines()[1].split() == ["r1", "nothing", "new", "0", url]
    assert "Nothing was uploaded" in second.stderr
    assert len(server.requests) == requests


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_what_a_run_reads_is_its_input(mode: Any, server: FakeWandb, make_run: MakeRun) -> None:
    run = make_run()
    tracker = WandbTracker(Options(wandb=mode))
    tracker.start(run)
    tracker.source("moons", {"name": "moons", "hub_token": "secret-of-mine"})
    tracker.source("moons", {"name": "moons", "argument": "200"})
    tracker.finish(SUMMARY)
    if mode == "offline":
        assert upload(run).done == "uploaded"
    first, second = server.artifacts.values()
    assert (first.name, first.type, first.state) == ("moons", "dataset", "COMMITTED")
    assert first.readers == second.readers == ["abc123"]
    contents = [json.loads(artifact.files["description.json"]) for artifact in (first, second)]
    assert {"name": "moons", "argument": "200"} in contents
    assert {"name": "moons", "hub_token": "***"} in contents
    assert not (run.dir / "wandb" / "sources").exists()


def test_a_table_is_staged_in_the_run_folder_and_uploaded_from_it(
    server: FakeWandb, make_run: MakeRun, tmp_path: Path, home: Path
) -> None:
    run = make_run()
    (tmp_path / "scores.csv").write_text("name,score\na,0.5\n")
    tracker = WandbTracker(Options(wandb="offline"))
    tracker.start(run)
    tracker.media("scores", tmp_path / "scores.csv", 3)
    tracker.finish(SUMMARY)
    assert not [path for path in home.rglob("staging/*") if path.is_file()]
    run.dir.rename(tmp_path / "elsewhere")
    moved = dataclasses.replace(run, dir=tmp_path / "elsewhere")
    assert upload(moved).done == "uploaded"
    (table,) = server.artifacts.values()
    assert (table.type, table.state) == ("run_table", "COMMITTED")
    assert server.runs["abc123"].history[0]["media/scores"]["_type"] == "table-file"
    assert not (moved.dir / "wandb" / "tables").exists()


def test_an_online_run_is_known_to_be_there(server: FakeWandb, make_run: MakeRun) -> None:
    run = make_run()
    follow(run, range(5), "online", checkpoint=b"weights")
    assert upload(run).done == "nothing new"
    assert clocks(server) == list(range(5))


def test_a_run_that_was_killed_is_uploaded_as_far_as_it_came(
    server: FakeWandb, make_run: MakeRun
) -> None:
    run = make_run()
    program = (
        "import os, sys, time\nfrom pathlib import Path\n"
        "sys.path[:0] = sys.argv[1].split(os.pathsep)\nfrom lab_wandb import options, tracker\n"
        "from lab import RunInfo\ntracker.FLUSH_SECONDS = 0.1\n"
        "run = RunInfo('abc123', 'n', Path(sys.argv[2]), 'e', 't', 'g', 0, {}, 'env_steps',\n"
        "    ('eval/return', 'max'))\n"
        "tracker = tracker.WandbTracker(options.Options(wandb='offline')); tracker.start(run)\n"
        "for clock in range(50): tracker.row({'clock': clock, 'eval/return': 1.0})\n"
        "time.sleep(1); print('ready', flush=True); time.sleep(60)\n"
    )
    places = f"{helpers.ROOT}{os.pathsep}{helpers.ROOT / 'plugins'}"
    words = [sys.executable, "-c", program, places, str(run.dir)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    outcome = upload(run)
    assert (outcome.done, outcome.rows) == ("uploaded", 50), outcome
    assert clocks(server) == list(range(50))
    assert upload(run).done == "nothing new"


# -- uploads that were cut short


@pytest.mark.parametrize(
    "fault",
    [
        "hang",
        "401",
        pytest.param("drop", marks=pytest.mark.slow),
        pytest.param("500", marks=pytest.mark.slow),
    ],
)
def test_a_half_done_upload_is_completed_without_a_row_twice(
    fault: Any, server: FakeWandb, make_run: MakeRun
) -> None:
    run = make_run()
    follow(run, range(30), checkpoint=b"weights")
    interrupt(server, rows=12, fault=fault)
    first = upload(run, timeout=10.0, ask_seconds=2.0)
    assert not first.ok, first
    came = len(clocks(server))
    assert 0 < came <= 12
    server.fault = "ok"
    second = upload(run)
    assert (second.done, second.rows) == ("uploaded", 30 - came), second
    assert clocks(server) == list(range(30))
    steps = [row["_step"] for row in server.runs["abc123"].history]
    assert steps == sorted(set(steps))  # W&B drops a row that goes back
    (artifact,) = (a for a in server.artifacts.values() if a.state == "COMMITTED")
    assert artifact.files == {"last.pt": b"weights"}
    assert upload(run).done == "nothing new"


def test_a_resumed_run_of_which_the_first_part_came_half_keeps_its_order(
    server: FakeWandb, make_run: MakeRun
) -> None:
    run = make_run()
    follow(run, range(10), summary={"state": "interrupted"})
    time.sleep(1.1)  # a part is named by the second
    follow(dataclasses.replace(run, resumed=True), range(10, 20))
    interrupt(server, rows=4)
    assert not upload(run, timeout=8.0, ask_seconds=2.0).ok
    came = len(clocks(server))
    assert 0 < came <= 4
    server.fault = "ok"
    assert upload(run).rows == 20 - came
    assert clocks(server) == list(range(20))
    assert server.runs["abc123"].summary["state"] == "finished"


def test_an_online_part_that_was_cut_short_is_completed_after_a_later_one(
    server: FakeWandb, make_run: MakeRun
) -> None:
    run = make_run()
    interrupt(server, rows=4)
    follow(run, range(10), "online", {"state": "interrupted"}, finish_timeout=1.0)
    server.fault = "ok"
    time.sleep(1.1)
    follow(dataclasses.replace(run, resumed=True), range(10, 20), "online")
    came = len(clocks(server)) - 10
    assert 0 < came <= 4
    assert clocks(server) == [*range(came), *range(10, 20)]
    assert upload(run).rows == 10 - came
    assert clocks(server) == [*range(came), *range(10, 20), *range(came, 10)]
    assert server.runs["abc123"].summary["state"] == "finished"


def test_an_upload_that_ends_well_and_did_not_arrive_is_a_failure(
    server: FakeWandb, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    follow(run, range(3), checkpoint=b"weights")
    monkeypatch.setattr("lab_wandb.internals.sync.SETTLE_SECONDS", 0.1)
    commit = server._on_CommitArtifact
    server._on_CommitArtifact = lambda v: {  # type: ignore[method-assign]
        "commitArtifact": {"artifact": {"id": "x", "digest": ""}}
    }
    failed = upload(run)
    assert failed.done == "failed"
    assert "lacks a checkpoint" in failed.messages[0]
    server._on_CommitArtifact = commit  # type: ignore[method-assign]
    assert upload(run).ok
    assert clocks(server) == [0, 1, 2]


# -- files that are gone, folders that moved


def test_what_is_gone_is_named_and_the_rest_is_uploaded(
    server: FakeWandb, make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run()
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    tracker = WandbTracker(Options(wandb="offline"))
    tracker.start(run)
    for row in rows(range(5)):
        tracker.row(row)
    tracker.media("a", tmp_path / "a.png", 4)
    tracker.finish({})
    time.sleep(1.1)
    follow(run, range(5, 9), checkpoint=b"weights")
    (picture,) = (run.dir / "wandb").glob("offline-run-*/files/media/images/media/*.png")
    (staged,) = (run.dir / "wandb" / "checkpoints").iterdir()
    for gone in (picture, staged):
        gone.rename(tmp_path / gone.name)
    first = command("r1")
    assert first.exit_code == 1
    for gone in (picture, staged):
        assert f"r1: {os.path.relpath(gone)} is gone" in first.stderr
    assert "incomplete" in first.stdout
    assert clocks(server) == list(range(9))
    assert server.artifacts == {}
    again = upload(run)
    assert (again.done, again.rows) == ("incomplete", 0)
    for back in (picture, staged):
        (tmp_path / back.name).rename(back)
    assert upload(run).rows == 1  # the picture's
    assert clocks(server) == list(range(9))
    assert [a.state for a in server.artifacts.values()] == ["COMMITTED"]
    assert upload(run).done == "nothing new"


def test_a_folder_that_was_moved_is_uploaded_from_where_it_is(
    server: FakeWandb, make_run: MakeRun, tmp_path: Path
) -> None:
    run = make_run()
    follow(run, range(3), checkpoint=b"weights")
    run.dir.rename(tmp_path / "elsewhere")
    moved = dataclasses.replace(run, dir=tmp_path / "elsewhere")
    assert upload(moved).done == "uploaded"
    (artifact,) = server.artifacts.values()
    assert artifact.files == {"last.pt": b"weights"}


# -- who cannot be uploaded


def test_a_run_that_is_running_is_refused_and_the_others_are_not(
    server: FakeWandb, make_run: MakeRun, tmp_path: Path
) -> None:
    for name in ("busy", "broken", "well"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        follow(make_run(id=name, dir=tmp_path / "runs" / name), range(3))
    (broken,) = parts.find(tmp_path / "runs" / "broken")
    broken.write_bytes(b"what is this?")
    with closing(RunFolder(tmp_path / "runs" / "busy")):
        done = command("--json", "busy", "broken", "well")
    outcomes = {outcome["run"]: outcome for outcome in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert [outcomes[name]["done"] for name in outcomes] == ["running", "failed", "uploaded"]
    assert "busy: it is still running" in done.stderr
    assert "broken: " in done.stderr
    assert "is no transaction log" in done.stderr
    assert clocks(server, "well") == [0, 1, 2]
    assert "busy" not in server.runs


def test_a_run_that_is_running_is_passed_over_where_it_was_not_named(
    home: Path, make_run: MakeRun
) -> None:
    run = make_run()
    follow(run, range(3))
    with closing(RunFolder(run.dir)):
        assert command().exit_code == 0
        assert command("r1").exit_code == 1


def test_a_run_without_wandb_is_nothing_to_upload(home: Path, make_run: MakeRun) -> None:
    (make_run().dir / "config.yaml").write_text("experiment: dqn\n")
    done = command()
    assert (done.exit_code, done.stdout.splitlines()[1].split()[:3]) == (
        0, ["r1", "nothing", "there"],
    )  # fmt: skip


def test_without_a_key_the_way_to_one_is_said(home: Path, make_run: MakeRun) -> None:
    follow(make_run(), range(3))
    done = command()
    assert done.exit_code == 1
    message = "r1: No W&B API key was found: run `wandb login`, or set WANDB_API_KEY.\n"
    assert done.stderr == message


@pytest.mark.parametrize("fault", ["closed", "hang", "500", "401"])
def test_a_server_that_is_not_there_costs_one_bounded_wait(
    fault: Any,
    server: FakeWandb,
    make_run: MakeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = [make_run(id=name, dir=tmp_path / "runs" / name) for name in ("a", "b", "c")]
    for run in runs:
        run.dir.mkdir()
        follow(run, range(2))
    if fault == "closed":
        monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    else:
        server.fault = fault
    began = time.monotonic()
    outcomes = list(sync([Run(run.dir) for run in runs], ask_seconds=1.0))
    assert time.monotonic() - began < 60
    assert {outcome.done for outcome in outcomes} == {"failed"}
    messages = {message for outcome in outcomes for message in outcome.messages}
    assert len(messages) == 1
    assert "W&B at http://127.0.0.1:" in messages.pop()
    server.fault = "ok"


def test_an_upload_that_hangs_is_ended_with_its_process(
    server: FakeWandb, make_run: MakeRun
) -> None:
    run = make_run()
    follow(run, range(3))
    upsert = server._on_UpsertBucket

    def hang(v: Any) -> Any:
        server.fault = "hang"
        return upsert(v)

    server._on_UpsertBucket = hang  # type: ignore[method-assign]
    began = time.monotonic()
    outcome = upload(run, timeout=3.0, ask_seconds=1.0)
    assert time.monotonic() - began < 60
    assert outcome.messages == ["the upload did not end within 3 s. Once more: lab sync"]
    assert not list((run.dir / "wandb").glob("*/upload.wandb*"))
    children = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children")
    for child in children.read_text().split() if children.exists() else ():
        assert b"sync" not in Path(f"/proc/{child}/cmdline").read_bytes()


@pytest.mark.parametrize("words", ["sync --help", "wandb --help", "wandb view --help"])
def test_the_help_imports_nothing_heavy(words: str, tmp_path: Path) -> None:
    code = (
        f"import sys\nfrom lab.cli import main\ntry: main({words.split()!r})\n"
        "except SystemExit: pass\n"
        "heavy = {'wandb', 'torch', 'numpy', 'wandb_workspaces', 'requests', 'google'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    env = helpers.child_environment()
    assert helpers.run_child([sys.executable, "-c", code], tmp_path, env).stderr == "[]\n"


# -- the log


class Content:
    """Bytes that stand for a record."""

    def __init__(self, content: bytes) -> None:
        self.SerializeToString = lambda: content


SIZES = st.one_of(
    st.integers(0, 200),
    st.integers(32_768 - 40, 32_768 + 40),
    st.integers(2 * 32_768 - 40, 3 * 32_768),
)


@given(st.lists(SIZES, max_size=8))
def test_records_of_any_size_come_back(tmp_path_factory: Any, sizes: list[int]) -> None:
    path = tmp_path_factory.mktemp("log") / "x.wandb"
    contents = [bytes([i + 1]) * size for i, size in enumerate(sizes)]
    transaction_log.write(path, map(Content, contents))
    log = path.read_bytes()
    assert list(transaction_log._contents(log, "x")) == contents
    if log[-1:] != b"\0" and contents and contents[-1]:  # torn: the rest is read
        assert list(transaction_log._contents(log[:-1], "x")) == contents[:-1]


def test_the_clients_own_log_is_understood(home: Path, make_run: MakeRun) -> None:
    run = make_run()
    follow(run, range(300), checkpoint=b"weights")
    (log,) = parts.find(run.dir)
    part = parts.read(log)
    assert part.where == ("", "lab", "abc123")
    assert len(set(part.times)) == 300
    assert len(part.digests) == 1
    assert part.summary["state"] == "finished"
    assert part.missing == {}
    copy = log.with_name("copy.wandb")
    transaction_log.write(copy, transaction_log.read(log))
    assert list(transaction_log.read(copy)) == list(transaction_log.read(log))


# -- from a run to its page


def test_a_runs_summary_links_to_its_page_and_keeps_that(
    server: FakeWandb, toys: None, tmp_path: Path
) -> None:
    options = SimpleNamespace(runs_dir=tmp_path / "runs", eval_every=500)
    result = lab.run("toy-epochs", budget=1_000, name="one", wandb="online", **vars(options))
    (name,) = server.runs
    links = {"wandb": f"{server.url}/tester/lab/runs/{name}"}
    assert result.summary["links"] == helpers.summary(result.dir)["links"] == links
    longer = lab.resume(result.dir, budget=2_000, wandb="disabled")
    assert longer.summary["links"] == links


def test_a_whole_run_is_uploaded_by_its_name(server: FakeWandb, toys: None, tmp_path: Path) -> None:
    lab.run("toy-epochs", budget=1_000, name="one", runs_dir=tmp_path / "runs", wandb="offline")
    stored = helpers.rows(tmp_path / "runs" / "one")
    assert command("one").exit_code == 0
    (arrived,) = server.runs.values()
    assert samples(arrived) == [row["clock"] for row in stored]
    assert sorted(a.aliases[-1] for a in server.artifacts.values())
    assert "wandb" in helpers.summary(tmp_path / "runs" / "one")["links"]
