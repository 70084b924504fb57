"""The real W&B client against a stand-in server: what arrives, and what happens when it cannot."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import helpers
import pytest
from fake_wandb import API_KEY, Artifact, FakeWandb

from lab.errors import UsageError
from lab.storage.store import Run
from lab.tracking.relay import BackgroundTracker
from lab.tracking.tracker import RunInfo
from lab_wandb.internals.session import core_process
from lab_wandb.internals.sync import sync as upload
from lab_wandb.mode import probe, resolve_mode
from lab_wandb.options import Options
from lab_wandb.tracker import WandbTracker, offline_hints

MakeRun = Callable[..., RunInfo]
SOON = 0.5  # seconds in which a call that does not wait returns
BOUND = 60.0  # seconds: what no limit bounds takes for ever, or a minute and more
SUMMARY = {
    "state": "finished",
    "clock": {"name": "env_steps", "value": 20, "budget": 20},
    "objective": {"metric": "eval/return", "best": 2.0, "best_clock": 10, "last": 1.0},
    "test": {"test/return": 1.5},
    "seconds": 3.5,
    "config": {"lr": 0.001},
    "error": None,
}
ROWS = [
    {"clock": 0, "eval/return": 0.0},
    {"clock": 10, "eval/return": 2.0, "train/loss": 0.5},
    {"clock": 20, "eval/return": 1.0, "train/loss": 0.25},
]


def made(mode: Any, **limits: Any) -> WandbTracker:
    return WandbTracker(Options(wandb=mode), **limits)


def warnings(messages: list[str]) -> list[str]:
    """Return the messages without the addresses of runs."""
    return [line for line in messages if "/runs/" not in line or " " in line.partition(": ")[2]]


def follow(tracker: WandbTracker, run: RunInfo, rows: Any = ROWS, summary: Any = SUMMARY) -> None:
    tracker.start(run)
    for row in rows:
        tracker.row(row)
    tracker.finish(summary)


def client(*arguments: str) -> str:
    """Run the wandb command."""
    done = subprocess.run(
        [sys.executable, "-m", "wandb", *arguments],
        capture_output=True,
        text=True,
        timeout=helpers.LONG,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "WANDB_ERROR_REPORTING": "false"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def sync(line: str) -> None:
    """Carry out the line that the user was given; there is a key."""
    words = shlex.split("".join(line.partition("lab sync")[1:]))
    assert words[:2] == ["lab", "sync"]
    (run,) = upload([Run(Path(words[2]))])
    assert run.done == "uploaded", run


def inspect(folder: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(
        client("leet", "inspect", "--summary", "--json", str(folder))
    )
    return report


def records(folder: Path, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, client("leet", "inspect", "--json", str(folder)).splitlines())
    return [line[kind] for line in lines if line["type"] == kind]


def axis(history: list[dict[str, Any]], metric: str) -> list[tuple[float, float]]:
    return [(item["env_steps"], item[metric]) for item in history if metric in item]


def offline_parts(run: RunInfo) -> list[Path]:
    return sorted((run.dir / "wandb").glob("offline-run-*"))


def wandb_polls() -> bool:
    """Tell whether a thread of wandb's is left, which dies noisily when wandb-core is gone."""
    polling = [thread for thread in threading.enumerate() if thread.name == "NetStatThr"]
    for thread in polling:
        thread.join(2)
    return any(thread.is_alive() for thread in polling)


def wandb_variables() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k.startswith("WANDB")}


@pytest.fixture
def online(server: FakeWandb, messages: list[str]) -> WandbTracker:
    return made("online")


@pytest.fixture
def impatient(server: FakeWandb, messages: list[str]) -> WandbTracker:
    return made("online", finish_timeout=1.0)


@pytest.fixture
def offline(home: Path, messages: list[str]) -> WandbTracker:
    return made("offline")


def test_an_online_run_arrives_whole(
    server: FakeWandb, make_run: MakeRun, messages: list[str]
) -> None:
    before = wandb_variables()
    run = make_run(tags=("baseline", "v1"))
    follow(made("auto"), run)
    arrived = server.runs["abc123"]
    assert arrived.project == "lab"
    assert arrived.meta["displayName"] == "CartPole-v1/dqn/s0"
    assert arrived.meta["groupName"] == "dqn-9f3c"
    assert arrived.meta["jobType"] == "train"
    assert sorted(arrived.meta["tags"]) == ["baseline", "v1"]
    assert arrived.settings == {"lr": 0.001, "net": {"hidden": 64}}
    assert axis(arrived.history, "eval/return") == [(0, 0), (10, 2), (20, 1)]
    assert axis(arrived.history, "train/loss") == [(10, 0.5), (20, 0.25)]
    assert arrived.summary["eval/return"] == {"max": 2, "last": 1}
    assert arrived.summary["state"] == "finished"
    assert arrived.summary["test/return"] == 1.5
    assert arrived.summary["seconds"] == 3.5
    assert "config" not in arrived.summary
    assert (arrived.exitcode, arrived.complete) == (0, True)
    assert messages == [f"{server.url}/tester/lab/runs/abc123"]
    assert wandb_variables() == before
    assert core_process() is None


def test_metrics_are_drawn_over_the_clock(
    online: WandbTracker, server: FakeWandb, make_run: MakeRun
) -> None:
    run = make_run(objective=("eval/loss", "min"))
    follow(online, run, [{"clock": 1, "eval/loss": 3.0}, {"clock": 2, "eval/loss": 4.0}], {})
    arrived = server.runs["abc123"]
    indices = {d.get("1") or d.get("2"): i for i, d in enumerate(arrived.metric_definitions, 1)}
    glob = next(d for d in arrived.metric_definitions if d.get("2") == "*")
    assert glob["5"] == indices["env_steps"]
    assert {"env_steps", "perf/time"} <= set(indices)
    assert arrived.summary["eval/loss"] == {"min": 3, "last": 4}


def test_rows_are_logged_without_a_step(offline: WandbTracker, make_run: MakeRun) -> None:
    calls: list[Mapping[str, Any]] = []

    class Run:
        def log(self, *args: Any, **kwargs: Any) -> None:
            calls.append({"args": args, **kwargs})

    offline._info, offline._run = make_run(), Run()
    offline.row({"clock": 5, "train/loss": 1.0})
    assert calls == [{"args": ({"env_steps": 5, "train/loss": 1.0},)}]


@pytest.mark.parametrize(("state", "code"), [("interrupted", 130), (None, 1)])
def test_the_exit_code_tells_how_the_run_ended(
    state: str | None, code: int, offline: WandbTracker, make_run: MakeRun
) -> None:
    run = make_run()
    follow(offline, run, [], {"state": state})
    seen = inspect(*offline_parts(run))
    assert (seen["state"], seen["exit_code"]) == ("failed", code)


def test_an_offline_run_can_be_read_back(
    offline: WandbTracker, make_run: MakeRun, messages: list[str], home: Path
) -> None:
    before, run = wandb_variables(), make_run()
    follow(offline, run)
    (part,) = offline_parts(run)
    seen = inspect(part)
    assert seen["state"] == "finished"
    assert seen["run_id"] == "abc123"
    assert seen["config"] == {"lr": 0.001, "net": {"hidden": 64}}
    assert seen["summary"]["eval/return"] == {"max": 2, "last": 1}
    history = [record["item"] for record in records(part, "history")]
    assert axis(history, "eval/return") == [(0, 0), (10, 2), (20, 1)]
    assert messages == []
    assert wandb_variables() == before


def test_disabled_leaves_no_trace(home: Path, make_run: MakeRun) -> None:
    run = make_run()
    follow(made("disabled"), run)
    assert list(run.dir.iterdir()) == []


# -- media and checkpoints


def test_pictures_films_and_texts_are_shown_on_the_clock(
    online: WandbTracker, server: FakeWandb, make_run: MakeRun, messages: list[str], tmp_path: Path
) -> None:
    from PIL import Image

    for name in ("a.png", "b.gif"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    (tmp_path / "c.mp4").write_bytes(b"film")
    (tmp_path / "d.txt").write_text("1 < 2")
    (tmp_path / "e.bin").write_bytes(b"?")
    (tmp_path / "t.csv").write_text("name,score\na,0.5\nb,2\n")
    online.start(make_run())
    for name in ("a.png", "b.gif", "c.mp4", "d.txt", "t.csv", "e.bin", "gone.png"):
        online.media(name[:-4], tmp_path / name, 7)
    online.finish(SUMMARY)
    arrived = server.runs["abc123"]
    kinds = {
        key: (item["env_steps"], item[key]["_type"])
        for item in arrived.history
        for key in item
        if key.startswith("media/")
    }
    assert kinds == {
        "media/a": (7, "image-file"),
        "media/b": (7, "video-file"),
        "media/c": (7, "video-file"),
        "media/d": (7, "html-file"),
        "media/t": (7, "table-file"),
    }
    (table,) = (body for name, body in arrived.files.items() if name.endswith(".table.json"))
    assert json.loads(table)["columns"] == ["name", "score"]
    assert json.loads(table)["data"] == [["a", 0.5], ["b", 2]]
    (text,) = (body for name, body in arrived.files.items() if name.endswith(".html"))
    assert b"<pre>1 &lt; 2</pre>" in text
    assert messages[1:] == [
        f"{tmp_path}/e.bin is not shown: there is no way to show a .bin file",
        f"{tmp_path}/gone.png is not shown: No such file or directory",
    ]
    assert (tmp_path / "a.png").exists()


def artifact(server: FakeWandb, alias: str) -> Artifact:
    (match,) = (a for a in server.artifacts.values() if alias in a.aliases)
    return match


def write_checkpoints(run: RunInfo, **contents: bytes) -> None:
    folder = run.dir / "checkpoints"
    folder.mkdir(exist_ok=True)
    for name, content in contents.items():
        (folder / "new").write_bytes(content)
        (folder / "new").replace(folder / f"{name}.pt")


def test_checkpoints_become_artifacts_with_their_clock(
    online: WandbTracker, server: FakeWandb, make_run: MakeRun, home: Path
) -> None:
    run = make_run(name="odd name/with:signs")
    write_checkpoints(run, best=b"b" * 100_000, last=b"l" * 100_000)
    online.start(run)
    for name in ("best", "last"):
        online.checkpoint(name, run.dir / "checkpoints" / f"{name}.pt")
    online.finish(SUMMARY)
    best, last = artifact(server, "best"), artifact(server, "last")
    assert (best.name, best.type, best.state) == ("odd-name-with-signs", "model", "COMMITTED")
    assert best.files == {"best.pt": b"b" * 100_000}
    assert last.files == {"last.pt": b"l" * 100_000}
    assert "env_steps-10" in best.aliases
    assert "env_steps-20" in last.aliases
    assert not (run.dir / "wandb" / "checkpoints").exists()
    assert sum(f.stat().st_size for f in home.rglob("*") if f.is_file()) < 50_000


def test_what_is_synced_later_is_the_checkpoint_of_then(
    server: FakeWandb, offline: WandbTracker, make_run: MakeRun
) -> None:
    run = make_run()
    write_checkpoints(run, last=b"then")
    offline.start(run)
    offline.checkpoint("last", run.dir / "checkpoints" / "last.pt")
    offline.finish(SUMMARY)
    write_checkpoints(run, last=b"overwritten by a resumed run")
    sync(offline_hints(run.dir)[1])
    assert artifact(server, "last").files == {"last.pt": b"then"}
    assert not any("lab sync" in line for line in offline_hints(run.dir))
    assert not (run.dir / "wandb" / "checkpoints").exists()


def test_a_large_or_missing_checkpoint_stays_at_home(
    server: FakeWandb, make_run: MakeRun, messages: list[str]
) -> None:
    run = make_run()
    write_checkpoints(run, best=b"b" * 3_000_000)
    tracker = made("online", checkpoint_limit=2_000_000)
    tracker.start(run)
    tracker.checkpoint("best", run.dir / "checkpoints" / "best.pt")
    tracker.checkpoint("last", run.dir / "checkpoints" / "last.pt")
    tracker.finish(SUMMARY)
    assert server.artifacts == {}
    assert "best.pt is not uploaded: 3 MB, over 2 MB" in messages[1]
    assert "last.pt is not uploaded: No such file or directory" in messages[2]


# -- secrets


def test_no_secret_goes_over_the_wire(
    online: WandbTracker,
    server: FakeWandb,
    make_run: MakeRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for command in (
        "init -q",
        "remote add origin https://gituser:gitpass@example.com/lab.git",
        "-c user.name=n -c user.email=e@example.com commit -q --allow-empty -m first",
    ):
        subprocess.run(["git", *shlex.split(command)], cwd=tmp_path, check=True)
    monkeypatch.setenv("OTHER_TOKEN", "fromtheenvironment")
    config = {
        "api_key": "namedasecret",
        "data": "https://dataname:datapass@example.com/set",
        "nested": {"note": "has fromtheenvironment in it", "hf_token": "alsonamed"},
        "max_tokens": 5,
        "a.b": 1,
    }
    follow(online, make_run(config=config))
    wire = b"\n".join(server.wire)
    assert server.runs["abc123"].settings == {
        "api_key": "***",
        "data": "https://example.com/set",
        "nested": {"note": "has *** in it", "hf_token": "***"},
        "max_tokens": 5,
        "a_b": 1,
    }
    assert b"https://example.com/lab.git" in wire
    secrets = ["gituser", "gitpass", "dataname", "datapass", "namedasecret", "alsonamed"]
    for secret in [*secrets, "fromtheenvironment", API_KEY]:
        assert secret.encode() not in wire


# -- a server that is not there


def begin(
    tracker: WandbTracker, run: RunInfo, messages: list[str], **limits: Any
) -> BackgroundTracker:
    relay = BackgroundTracker(lambda: tracker, "wandb", messages.append, label="W&B", **limits)
    relay.start(run)
    return relay


def train(relay: BackgroundTracker, clocks: range) -> list[float]:
    """Send a row for each clock, as training would; give back what each call took."""
    took = []
    for clock in clocks:
        began = time.perf_counter()
        relay.row({"clock": clock, "eval/return": float(clock)})
        took.append(time.perf_counter() - began)
        time.sleep(0.001)
    return took


@pytest.mark.parametrize("fault", ["hang", "500", "401", "closed"])
def test_a_server_that_does_not_answer_makes_the_run_offline(
    fault: Any,
    server: FakeWandb,
    make_run: MakeRun,
    messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if fault == "closed":
        monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    else:
        server.fault = fault
    tracker = made("online", init_timeout=1.0)
    run, began = make_run(), time.perf_counter()
    relay = begin(tracker, run, messages)
    took = train(relay, range(50))
    relay.finish(SUMMARY)
    assert time.perf_counter() - began < BOUND
    assert median(took) < SOON
    assert tracker.mode == "offline"
    (part,) = offline_parts(run)
    seen = inspect(part)
    assert (seen["run_id"], seen["state"], seen["step"]) == ("abc123", "finished", 49)
    assert [line.partition(" (")[0] for line in messages] == [
        "W&B: not reached, so this run is logged offline"
    ]


@pytest.mark.parametrize("fault", ["hang", "drop", "500", "401"])
def test_a_server_that_dies_stops_neither_rows_nor_the_end(
    fault: Any, impatient: WandbTracker, server: FakeWandb, make_run: MakeRun, messages: list[str]
) -> None:
    relay = begin(impatient, make_run(), messages)
    train(relay, range(3))
    assert relay.started.wait(BOUND)
    server.fault = fault
    took = train(relay, range(3, 100))
    began = time.perf_counter()
    relay.finish(SUMMARY)
    assert time.perf_counter() - began < BOUND
    assert median(took) < SOON
    limit = "" if fault == "401" else " in 1 s"
    assert messages[-1] == f"W&B: not all was uploaded{limit}; later: lab sync runs/r1", messages
    assert core_process() is None
    server.fault = "ok"
    sync(messages[-1].partition("later: ")[2])
    history = server.runs["abc123"].history
    assert [point for point, _ in axis(history, "eval/return")] == list(range(100))


def test_wandb_core_killed_is_one_warning_and_training_goes_on(
    online: WandbTracker, server: FakeWandb, make_run: MakeRun, messages: list[str]
) -> None:
    before = wandb_variables()
    relay = begin(online, make_run(), messages)
    assert relay.started.wait(BOUND)
    core = core_process()
    assert core is not None
    os.kill(core.pid, signal.SIGKILL)
    core.wait()
    took = train(relay, range(100))
    relay.finish(SUMMARY)
    assert median(took) < SOON
    assert len(warnings(messages)) == 1, messages
    assert warnings(messages)[0].endswith("given up, the run folder has everything")
    assert wandb_variables() == before
    assert not wandb_polls()
    follow(made("online"), make_run(id="next"))
    assert len(server.runs["next"].history) == 3
    assert len(warnings(messages)) == 1


def test_wandb_core_that_hangs_is_ended_with_the_run(
    online: WandbTracker, server: FakeWandb, make_run: MakeRun, messages: list[str]
) -> None:
    relay = begin(online, make_run(), messages, finish_timeout=0.5)
    assert relay.started.wait(BOUND)
    core = core_process()
    assert core is not None
    os.kill(core.pid, signal.SIGSTOP)
    train(relay, range(10))
    began = time.perf_counter()
    relay.finish(SUMMARY)
    assert time.perf_counter() - began < BOUND
    assert warnings(messages) == [
        "W&B: does not come to an end; given up, the run folder has everything"
    ]
    assert core.wait(BOUND) == -signal.SIGKILL
    assert not any(thread.name == "tracker-wandb" for thread in threading.enumerate())


PROGRAM = """
import os, sys, time
from pathlib import Path
from lab.tracking.relay import BackgroundTracker
from lab.tracking.tracker import RunInfo
from lab_wandb.options import Options
from lab_wandb.tracker import WandbTracker

folder = Path("runs/r1")
folder.mkdir(parents=True, exist_ok=True)
run = RunInfo("abc", "n", folder, "e", "t", "g", 0, {}, "samples", ("eval/loss", "min"))
tracker = WandbTracker(Options(), init_timeout=1.5, finish_timeout=%s)
relay = BackgroundTracker(lambda: tracker, "wandb", print, finish_timeout=1.0)
relay.start(run)
relay.started.wait(60)
relay.row({"clock": 1, "eval/loss": 1.0})
time.sleep(0.2)
"""


def seeing_the_lab() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{helpers.ROOT}:{helpers.ROOT / 'plugins'}"}


def run_program(body: str, finish_timeout: float = 30.0, **options: Any) -> tuple[int, str, float]:
    """Run the program in its own process; give back exit code, all output and seconds."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % finish_timeout + body],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=helpers.LONG,
        env=seeing_the_lab(),
        **options,
    )
    return done.returncode, done.stdout, time.perf_counter() - began


def test_a_process_ends_though_the_uploads_do_not(server: FakeWandb) -> None:
    def hang_once_begun() -> None:
        while "abc" not in server.runs:
            time.sleep(0.02)
        server.fault = "hang"

    threading.Thread(target=hang_once_begun, daemon=True).start()
    code, output, seconds = run_program("relay.finish({'state': 'finished'})")
    assert code == 0
    warning = "wandb: does not come to an end; given up, the run folder has everything"
    assert output.splitlines()[1:] == [warning]
    assert seconds < BOUND


def test_a_run_that_crashed_python_is_still_written_out(home: Path, tmp_path: Path) -> None:
    code, output, _ = run_program("raise SystemExit(7)")
    assert (code, output) == (7, "")
    (part,) = (tmp_path / "runs" / "r1" / "wandb").glob("offline-run-*")
    seen = inspect(part)
    assert (seen["state"], seen["summary"]["eval/loss"]["last"]) == ("failed", 1)


@pytest.mark.parametrize("terminal", [False, True])
def test_without_a_key_a_run_is_offline_and_nobody_is_asked(
    terminal: bool, home: Path, tmp_path: Path
) -> None:
    master, slave = os.openpty() if terminal else (None, None)
    stdin = slave if terminal else subprocess.DEVNULL
    code, output, _ = run_program("relay.finish({'state': 'finished'})", stdin=stdin)
    for end in (master, slave):
        if end is not None:
            os.close(end)
    assert (code, output) == (0, "")
    assert len(list((tmp_path / "runs" / "r1" / "wandb").glob("offline-run-*"))) == 1


# -- other runs in the same process


def test_two_runs_at_once_do_not_disturb_each_other(
    server: FakeWandb, make_run: MakeRun, messages: list[str], tmp_path: Path
) -> None:
    runs = [make_run(id=name, dir=tmp_path / name) for name in ("one", "two")]
    first, second = (made("online") for _ in runs)
    for tracker, run in zip((first, second), runs, strict=True):
        run.dir.mkdir()
        tracker.start(run)
    for row in ROWS:
        first.row(row)
        second.row(row)
    first.finish(SUMMARY)
    second.finish(SUMMARY)
    for name in ("one", "two"):
        assert len(server.runs[name].history) == 3
        assert server.runs[name].exitcode == 0
    assert warnings(messages) == []


def test_giving_up_one_run_spares_the_users_own(
    server: FakeWandb, impatient: WandbTracker, make_run: MakeRun, tmp_path: Path
) -> None:
    import wandb

    own = wandb.init(id="own", dir=tmp_path, settings=wandb.Settings(console="off"))
    impatient.start(make_run())
    impatient.abandon()
    own.log({"x": 1})
    own.finish()
    assert [item["x"] for item in server.runs["own"].history] == [1]
    assert not wandb_polls()


def test_the_users_own_wandb_is_as_loud_as_before(
    server: FakeWandb, online: WandbTracker, make_run: MakeRun, tmp_path: Path
) -> None:
    import wandb

    own = wandb.init(id="own", dir=tmp_path, settings=wandb.Settings(console="off"))
    follow(online, make_run())
    assert wandb.setup().settings.silent is False
    own.finish()


# -- resume


def test_a_resumed_run_is_continued_online(
    server: FakeWandb, make_run: MakeRun, messages: list[str]
) -> None:
    run = make_run()
    interrupted = {"state": "interrupted"}
    follow(made("online"), run, ROWS[:2], interrupted)
    assert server.runs["abc123"].exitcode == 130
    resumed = dataclasses.replace(run, resumed=True)
    follow(made("online"), resumed, ROWS[2:])
    (arrived,) = server.runs.values()
    assert axis(arrived.history, "eval/return") == [(0, 0), (10, 2), (20, 1)]
    assert arrived.summary["eval/return"] == {"max": 2, "last": 1}
    assert arrived.exitcode == 0
    assert warnings(messages) == []


def test_the_parts_of_a_resumed_offline_run_are_synced_as_one(
    server: FakeWandb, make_run: MakeRun, messages: list[str]
) -> None:
    run = make_run()
    follow(made("offline"), run, ROWS[:2], {"state": "interrupted"})
    follow(made("offline"), run, ROWS[2:])
    assert len(offline_parts(run)) == 2
    folder = os.path.relpath(run.dir / "wandb")
    assert offline_hints(run.dir) == [
        f"W&B: kept offline; look at it with: wandb leet {folder}",
        f"W&B: upload it with: lab sync {os.path.relpath(run.dir)}",
    ]
    sync(offline_hints(run.dir)[1])
    (arrived,) = server.runs.values()
    assert axis(arrived.history, "eval/return") == [(0, 0), (10, 2), (20, 1)]
    assert arrived.summary["eval/return"] == {"max": 2, "last": 1}
    assert arrived.exitcode == 0


def test_a_run_without_offline_parts_gets_no_hint(tmp_path: Path) -> None:
    assert offline_hints(tmp_path) == []


def test_a_hint_for_one_part_names_it_and_quotes(
    offline: WandbTracker, make_run: MakeRun, tmp_path: Path
) -> None:
    spaced = tmp_path / "my runs"
    spaced.mkdir()
    run = make_run(dir=spaced)
    follow(offline, run)
    (part,) = offline_parts(run)
    leet, line = offline_hints(spaced)
    assert leet.endswith(f"with: wandb leet 'my runs/wandb/{part.name}'")
    assert line == "W&B: upload it with: wandb login && lab sync 'my runs'"


def test_an_online_run_ends_with_the_command_that_compares_its_group(
    server: FakeWandb, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    tracker = made("online")
    follow(tracker, make_run(group="two words"))
    assert tracker.hints() == ["W&B: compare its group with: lab wandb view --group 'two words'"]
    monkeypatch.chdir(home)
    (line,) = tracker.hints()
    assert line.endswith(" --runs-dir ../runs")


def test_a_run_without_wandb_has_no_lines(home: Path, make_run: MakeRun) -> None:
    tracker = made("disabled")
    follow(tracker, make_run())
    assert tracker.hints() == []


# -- mode


@pytest.mark.parametrize(
    ("flag", "environ", "mode"),
    [
        ("offline", {"WANDB_MODE": "online", "WANDB_API_KEY": API_KEY}, "offline"),
        ("online", {"WANDB_MODE": "disabled"}, "online"),
        ("auto", {"WANDB_MODE": "disabled", "WANDB_API_KEY": API_KEY}, "disabled"),
        ("auto", {"WANDB_MODE": "dryrun"}, "offline"),
        ("auto", {"WANDB_API_KEY": API_KEY}, "online"),
        ("auto", {"WANDB_API_KEY": "tooshort"}, "offline"),
        ("auto", {}, "offline"),
    ],
)
def test_the_flag_goes_before_the_environment_and_that_before_the_key(
    flag: Any, environ: dict[str, str], mode: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    before = wandb_variables()
    assert resolve_mode(flag) == mode
    assert wandb_variables() == before


def test_a_mode_that_is_none_is_a_plain_mistake(home: Path) -> None:
    with pytest.raises(UsageError, match="WANDB_MODE is 'onlin'"):
        resolve_mode("auto", {"WANDB_MODE": "onlin"})


def write_netrc(home: Path) -> None:
    (home / ".netrc").write_text(f"machine api.wandb.ai login user password {API_KEY}\n")
    (home / ".netrc").chmod(0o600)


@pytest.mark.parametrize("private", [True, False])
def test_a_key_in_netrc_counts_with_and_without_the_private_interface(
    private: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not private:
        monkeypatch.delattr("wandb.sdk.lib.wbauth.authenticate_session")
    assert resolve_mode("auto") == "offline"
    write_netrc(home)
    assert resolve_mode("auto") == "online"


def test_the_choice_of_wandb_offline_is_respected(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", API_KEY)
    settings = home / ".config" / "wandb" / "settings"
    settings.parent.mkdir(parents=True)
    settings.write_text("[default]\nmode = offline\n")
    assert resolve_mode("auto") == "offline"


def test_the_probe_tells_all_but_the_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    monkeypatch.setenv("WANDB_API_KEY", API_KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "http://user:pass@127.0.0.1:9")
    assert probe() == {
        "version": wandb.__version__,
        "mode": "online",
        "key": "found",
        "host": "http://127.0.0.1:9",
    }
    assert threading.active_count() < 20
    assert core_process() is None


def test_a_key_that_is_none_makes_the_run_offline(
    home: Path, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "tooshort")
    assert probe()["key"] == "invalid"
    run = make_run()
    follow(made("auto"), run)
    assert len(offline_parts(run)) == 1


def test_nothing_heavy_is_imported_before_a_run_starts() -> None:
    program = (
        "import sys, lab.tracking.relay, lab_wandb, lab_wandb.tracker as w, lab_wandb.options as o;"
        "w.WandbTracker(o.Options());"
        "w.resolve_mode('auto', {'WANDB_MODE': 'offline'});"
        "print(sorted({'wandb', 'torch', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=seeing_the_lab(),
        timeout=helpers.LONG,
    )
    assert done.stdout == "[]\n", done.stderr
