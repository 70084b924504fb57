"""Every tracker gets the start first, then the data, then the rows."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

import lab
from lab.plugins import Plugin, Plugins, discover
from lab.spec import TrackerSpec
from lab.tracking.terminal import Silent

SMALL: dict[str, Any] = {
    "data": "digits", "hidden": (8,), "budget": 2_000, "eval_every": 500, "log_every": 500,
    "preset": "none", "wandb": "disabled", "media": False,
}  # fmt: skip


class Plain:
    """A tracker of somebody else's, with the five methods and no more."""

    events: ClassVar[list[tuple[str, Any]]] = []

    def start(self, run) -> None:
        self.started = run.name  # as one that opens its record here
        self.events.append(("start", run.resumed))

    def row(self, row) -> None:
        self.events.append(("row", (self.started, row["clock"])[1]))

    def media(self, name, path, clock) -> None:
        self.events.append(("media", (self.started, name)[1]))

    def checkpoint(self, name, path) -> None:
        self.events.append(("checkpoint", (self.started, name)[1]))

    def finish(self, summary) -> None:
        self.events.append(("finish", (self.started, summary["state"])[1]))


class Following(Plain):
    """One that also takes sources."""

    events: ClassVar[list[tuple[str, Any]]] = []

    def source(self, name, description) -> None:
        self.events.append(("source", (self.started, description["name"])[1]))


class Stopping(Silent):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def say(self, message: str) -> None:
        self.messages.append(message)

    def tick(self, clock: int) -> None:
        if clock >= 1_000:
            raise RuntimeError("ended here")


@pytest.fixture
def tracked(monkeypatch) -> Plugins:
    """The plugins, and one more that offers both trackers."""
    monkeypatch.setitem(sys.modules, "somebodys", SimpleNamespace(Plain=Plain, Following=Following))
    specs = [TrackerSpec(k.__name__.lower(), f"somebodys:{k.__name__}") for k in (Plain, Following)]
    for kind in (Plain, Following):
        monkeypatch.setattr(kind, "events", [])
    return Plugins([*discover().all, Plugin("somebody", "somebody", "1", trackers=specs)])


def kinds(tracker: type[Plain]) -> list[str]:
    return [kind for kind, _ in tracker.events]


def run(tmp_path, plugins: Plugins, experiment: str = "mlp", **options: Any) -> lab.RunResult:
    return lab.run(experiment, runs_dir=tmp_path / "runs", plugins=plugins, **SMALL | options)


def clocks(tracker: type[Plain]) -> list[int]:
    return [what for kind, what in tracker.events if kind == "row"]


def test_the_start_comes_before_the_data_and_these_before_the_rows(tmp_path, tracked) -> None:
    terminal = Stopping()
    terminal.tick = lambda clock: None  # type: ignore[method-assign]
    result = run(tmp_path, tracked, terminal=terminal)
    assert not [line for line in terminal.messages if "given up" in line]
    stored = [row["clock"] for row in lab.Run(result.dir).metrics()]
    for tracker in (Plain, Following):
        assert kinds(tracker)[0] == "start"
        assert kinds(tracker)[-3:] == ["checkpoint", "checkpoint", "finish"]
        assert clocks(tracker) == stored
    assert kinds(Following)[:3] == ["start", "source", "row"]
    assert "source" not in kinds(Plain)


def test_a_resumed_run_keeps_the_order(tmp_path, tracked) -> None:
    with pytest.raises(lab.RunFailed):
        run(tmp_path, tracked, name="one", checkpoint_every=500, terminal=Stopping())
    Following.events.clear()
    Plain.events.clear()
    lab.resume(tmp_path / "runs" / "one", plugins=tracked)
    assert kinds(Following)[:3] == ["start", "source", "row"]
    assert kinds(Plain)[:2] == ["start", "row"]
    assert Following.events[0] == ("start", True)


def test_a_tracker_that_comes_late_keeps_the_order_and_gets_all_rows(tmp_path, tracked) -> None:
    with pytest.raises(lab.RunFailed):
        run(tmp_path, tracked, name="one", checkpoint_every=500, terminal=Stopping(), track=False)
    assert not Following.events
    record = tmp_path / "runs" / "one" / "config.yaml"
    record.write_text(record.read_text().replace("track: false", "track: true"))
    lab.resume(tmp_path / "runs" / "one", plugins=tracked)
    stored = [row["clock"] for row in lab.Run(tmp_path / "runs" / "one").metrics()]
    for tracker in (Plain, Following):
        assert clocks(tracker) == stored
        assert kinds(tracker).count("start") == 1
    assert kinds(Following)[:3] == ["start", "source", "row"]


def test_a_run_that_fails_before_its_first_row_ends_in_order(
    tmp_path, tracked, monkeypatch
) -> None:
    from lab_mlp.mlp import MLP

    def broken(self, split: str) -> dict[str, float]:
        raise ZeroDivisionError

    monkeypatch.setattr(MLP, "evaluate", broken)
    with pytest.raises(lab.RunFailed):
        run(tmp_path, tracked)
    end = [("checkpoint", "last"), ("finish", "failed")]  # one is written before any evaluation
    assert Following.events == [("start", False), ("source", "digits"), *end]
    assert Plain.events == [("start", False), *end]
