"""A tracker may hang, fail or be slow: the training does not notice, and one message appears."""

from __future__ import annotations

import _thread
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.tracking.relay import BackgroundTracker
from lab.tracking.tracker import Row, RunInfo

LONG = 300.0  # what a test would take if a bound did not hold
PATH = Path("x.png")


class Recorder:
    """A healthy tracker that remembers; hooks named like the events may do worse."""

    def __init__(self, **hooks: Callable[[], object]) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.threads: set[int] = set()
        self.hooks = hooks

    def take(self, name: str, *args: Any) -> None:
        self.events.append((name, *args))
        self.threads.add(threading.get_ident())
        self.hooks.get(name, lambda: None)()

    def start(self, run: RunInfo) -> None:
        self.take("start", run)

    def row(self, row: Row) -> None:
        self.take("row", row)

    def media(self, name: str, path: Path, clock: int) -> None:
        self.take("media", name, path, clock)

    def checkpoint(self, name: str, path: Path) -> None:
        self.take("checkpoint", name, path)

    def finish(self, summary: Mapping[str, Any]) -> None:
        self.take("finish", summary)

    @property
    def names(self) -> list[str]:
        return [event[0] for event in self.events]


class Stuck(Recorder):
    """Hangs in the event `where` until it is let go."""

    def __init__(self, where: str) -> None:
        self.free = threading.Event()
        self.inside = threading.Event()
        self.abandoned = False
        super().__init__(**{where: self.hang})

    def hang(self) -> None:
        self.inside.set()
        self.free.wait(LONG)

    def abandon(self) -> None:
        self.abandoned = True
        self.free.set()


def fail() -> None:
    raise ConnectionResetError("Connection lost\nsecond line")


def gone(relay: BackgroundTracker) -> bool:
    return not any(thread.name == f"tracker-{relay.name}" for thread in threading.enumerate())


def test_events_arrive_in_order_on_one_other_thread_which_ends(make_run: Any) -> None:
    tracker, messages, run = Recorder(), list[str](), make_run()
    relay = BackgroundTracker(lambda: tracker, "t", messages.append)
    relay.start(run)
    relay.row({"clock": 1})
    relay.media("m", PATH, 1)
    relay.checkpoint("best", PATH)
    relay.finish({"state": "finished"})
    assert tracker.events == [
        ("start", run),
        ("row", {"clock": 1}),
        ("media", "m", PATH, 1),
        ("checkpoint", "best", PATH),
        ("finish", {"state": "finished"}),
    ]
    assert len(tracker.threads) == 1
    assert threading.get_ident() not in tracker.threads
    assert gone(relay)
    assert messages == []


def test_a_source_reaches_the_trackers_that_follow_sources(make_run: Any) -> None:
    class Follower(Recorder):
        def source(self, name: str, description: Mapping[str, Any]) -> None:
            self.take("source", name, description)

    old, new, messages = Recorder(), Follower(), list[str]()
    for tracker in (old, new):
        relay = BackgroundTracker(partial(lambda made: made, tracker), "t", messages.append)
        relay.start(make_run())
        relay.source("moons", {"name": "moons"})
        relay.row({"clock": 1})
        relay.finish({})
    assert old.names == ["start", "row", "finish"]
    assert new.events[1] == ("source", "moons", {"name": "moons"})
    assert messages == []


def test_a_trackers_address_is_known_where_it_has_one(make_run: Any) -> None:
    class Addressed(Recorder):
        url = None

        def start(self, run: RunInfo) -> None:
            self.url = "https://example.com/run"

    relay = BackgroundTracker(Addressed, "addressed", print)
    assert (relay.name, relay.url) == ("addressed", None)
    relay.start(make_run())
    assert relay.started.wait(LONG)
    assert relay.url == "https://example.com/run"
    relay.finish({})
    assert BackgroundTracker(Recorder, "t", print).url is None


def test_a_tracker_is_made_on_its_own_thread(make_run: Any) -> None:
    made = list[int]()

    class Made(Recorder):
        def __init__(self) -> None:
            super().__init__()
            made.append(threading.get_ident())

    relay = BackgroundTracker(Made, "t", print)
    assert made == []
    relay.start(make_run())
    relay.finish({})
    assert len(made) == 1
    assert made != [threading.get_ident()]


def test_a_tracker_that_cannot_be_made_is_one_line(make_run: Any) -> None:
    messages = list[str]()
    relay = BackgroundTracker(fail, "t", messages.append)  # type: ignore[arg-type]
    relay.start(make_run())
    relay.row({"clock": 1})
    relay.finish({})
    assert [line.partition(";")[0] for line in messages] == [
        "t: ConnectionResetError: Connection lost"
    ]
    assert gone(relay)


def test_what_a_tracker_says_has_its_label_before_it(make_run: Any) -> None:
    class Speaking(Recorder):
        def start(self, run: RunInfo) -> None:
            run.say("here I am")

    messages = list[str]()
    relay = BackgroundTracker(Speaking, "speaking", messages.append, label="The Speaker")
    relay.start(make_run())
    relay.finish({})
    assert messages == ["The Speaker: here I am"]
    assert BackgroundTracker(Speaking, "speaking", print).label == "speaking"


class Hinting(Recorder):
    def hints(self) -> Iterator[str]:
        self.take("hints")
        yield "look here"


def test_hints_are_asked_for_once_the_tracker_has_finished(make_run: Any) -> None:
    tracker = Hinting()
    relay = BackgroundTracker(lambda: tracker, "t", print)
    relay.start(make_run())
    assert list(relay.hints) == []
    relay.finish({})
    assert tracker.names == ["start", "finish", "hints"]
    assert relay.hints == ("look here",)


@pytest.mark.parametrize("where", ["finish", "hints"])
def test_a_tracker_that_fails_in_the_end_gives_no_hints(make_run: Any, where: str) -> None:
    messages = list[str]()
    relay = BackgroundTracker(lambda: Hinting(**{where: fail}), "t", messages.append)
    relay.start(make_run())
    relay.finish({})
    assert list(relay.hints) == []
    assert len(messages) == 1


def test_a_row_is_copied_when_it_is_handed_over(make_run: Any) -> None:
    tracker = Stuck("start")
    relay = BackgroundTracker(lambda: tracker, "t", print)
    relay.start(make_run())
    row = {"clock": 1.0}
    relay.row(row)
    row["clock"] = 2.0
    tracker.free.set()
    relay.finish({})
    assert tracker.events[1] == ("row", {"clock": 1.0})


@pytest.mark.parametrize("where", ["start", "row", "media", "checkpoint", "finish"])
def test_an_exception_is_one_line_and_ends_the_trackers_part(where: str, make_run: Any) -> None:
    tracker, messages = Recorder(**{where: fail}), list[str]()
    relay = BackgroundTracker(lambda: tracker, "t", messages.append)
    relay.start(make_run())
    for clock in range(3):
        relay.row({"clock": clock})
        relay.media("m", PATH, clock)
    relay.checkpoint("best", PATH)
    relay.finish({})
    assert messages == [
        "t: ConnectionResetError: Connection lost; given up, the run folder has everything"
    ]
    assert tracker.names.index(where) == len(tracker.names) - 1
    assert gone(relay)


def test_a_tracker_that_exits_does_not_end_the_process(make_run: Any) -> None:
    messages = list[str]()
    relay = BackgroundTracker(lambda: Recorder(row=lambda: sys.exit(3)), "t", messages.append)
    relay.start(make_run())
    relay.row({"clock": 1})
    relay.finish({})
    assert [line.partition(";")[0] for line in messages] == ["t: SystemExit: 3"]


def test_rows_do_not_wait_for_a_tracker_that_hangs_and_finish_gives_up(make_run: Any) -> None:
    tracker, messages = Stuck("row"), list[str]()
    relay = BackgroundTracker(lambda: tracker, "t", messages.append, finish_timeout=0.3)
    relay.start(make_run())
    began = time.perf_counter()
    for clock in range(1000):
        relay.row({"clock": clock})
    assert tracker.inside.wait(LONG)
    relay.finish({})
    assert time.perf_counter() - began < LONG / 3
    assert messages == ["t: does not come to an end; given up, the run folder has everything"]
    assert tracker.names == ["start", "row"]
    assert tracker.abandoned
    assert gone(relay)


def test_a_start_that_hangs_is_given_up_before_the_limit_of_finish(make_run: Any) -> None:
    messages = list[str]()
    relay = BackgroundTracker(
        lambda: Stuck("start"), "t", messages.append, start_timeout=0.2, finish_timeout=LONG
    )
    relay.start(make_run())
    began = time.perf_counter()
    relay.finish({})
    assert time.perf_counter() - began < LONG / 3
    assert len(messages) == 1


def test_a_start_that_hangs_is_given_up_while_rows_come(make_run: Any) -> None:
    tracker, messages = Stuck("start"), list[str]()
    relay = BackgroundTracker(lambda: tracker, "t", messages.append, start_timeout=0.1)
    relay.start(make_run())
    time.sleep(0.15)
    relay.row({"clock": 1})
    relay.row({"clock": 2})
    assert messages == ["t: has not started after 0.1 s; given up, the run folder has everything"]
    relay.finish({})
    assert tracker.names == ["start"]


def test_a_tracker_that_was_given_up_is_not_waited_for(make_run: Any) -> None:
    relay = BackgroundTracker(
        lambda: Stuck("start"), "t", print, start_timeout=0.1, finish_timeout=LONG
    )
    relay.start(make_run())
    time.sleep(0.2)
    relay.row({"clock": 1})  # gives up
    began = time.monotonic()
    relay.finish({})
    assert time.monotonic() - began < LONG / 3


def test_a_full_queue_drops_rows_says_so_once_and_counts(make_run: Any) -> None:
    tracker, messages = Stuck("start"), list[str]()
    relay = BackgroundTracker(lambda: tracker, "t", messages.append, capacity=10)
    relay.start(make_run())
    assert tracker.inside.wait(LONG)
    for clock in range(25):
        relay.row({"clock": clock})
    assert relay.dropped == 15
    tracker.free.set()
    relay.finish({"state": "finished"})
    assert messages == ["t: cannot keep up, so that it misses rows (the run folder has everything)"]
    assert [event[1]["clock"] for event in tracker.events if event[0] == "row"] == list(range(10))
    assert tracker.events[-1] == ("finish", {"state": "finished", "dropped_events": 15})


def test_finish_twice_finishes_once_and_later_rows_are_ignored(make_run: Any) -> None:
    tracker = Recorder()
    relay = BackgroundTracker(lambda: tracker, "t", print)
    relay.start(make_run())
    relay.finish({})
    relay.finish({})
    relay.row({"clock": 1})
    assert tracker.names == ["start", "finish"]


def test_finish_of_a_run_that_never_started_is_nothing() -> None:
    tracker = Recorder()
    BackgroundTracker(lambda: tracker, "t", print).finish({})
    assert tracker.events == []


@pytest.fixture
def interruptible() -> Iterator[None]:
    """A shell starts what runs in the background with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_during_the_wait_stops_at_once(make_run: Any, interruptible: None) -> None:
    class Impatient(Stuck):
        def hang(self) -> None:
            _thread.interrupt_main()
            super().hang()

        def abandon(self) -> None:
            self.abandoned = True

    tracker, messages = Impatient("finish"), list[str]()
    relay = BackgroundTracker(lambda: tracker, "t", messages.append, finish_timeout=LONG)
    relay.start(make_run())
    began = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        relay.finish({})
    relay.finish({})
    assert time.perf_counter() - began < LONG / 3
    assert messages == ["t: interrupted; given up, the run folder has everything"]
    assert tracker.abandoned
    tracker.free.set()


def test_an_abandon_that_hangs_or_fails_is_bounded(
    make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Worse(Stuck):
        def abandon(self) -> None:
            self.abandoned = True
            self.free.wait(LONG)

    monkeypatch.setattr("lab.tracking.relay.ABANDON_SECONDS", 0.1)
    tracker = Worse("row")
    relay = BackgroundTracker(lambda: tracker, "t", print, finish_timeout=0.1)
    relay.start(make_run())
    relay.row({"clock": 1})
    began = time.perf_counter()
    relay.finish({})
    assert time.perf_counter() - began < LONG / 3
    assert tracker.abandoned
    tracker.free.set()


def test_a_warning_that_cannot_be_said_is_no_error(make_run: Any) -> None:
    def broken(_: str) -> None:
        raise BrokenPipeError

    tracker = Stuck("start")
    relay = BackgroundTracker(lambda: tracker, "t", broken, capacity=1)
    relay.start(make_run())
    assert tracker.inside.wait(LONG)
    relay.row({"clock": 1})
    relay.row({"clock": 2})
    tracker.free.set()
    relay.finish({})
    assert relay.dropped == 1
    assert gone(relay)


def test_a_machine_without_threads_left_is_a_warning(
    make_run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    messages = list[str]()
    relay = BackgroundTracker(Recorder, "t", messages.append)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    relay.start(make_run())
    relay.row({"clock": 1})
    relay.finish({})
    assert len(messages) == 1
    assert "can't start new thread" in messages[0]


SCRIPT = """
import sys, threading, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_relay import Recorder, Stuck
from lab.tracking.relay import BackgroundTracker
from lab.tracking.tracker import RunInfo

run = RunInfo("i", "n", Path(), "e", "t", "g", 0, {{}}, "samples", ("eval/loss", "min"))
"""


def run_script(body: str) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(tests=str(Path(__file__).parent)) + textwrap.dedent(body)
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=LONG / 2
    )


def test_the_interpreter_exits_though_the_tracker_hangs() -> None:
    done = run_script(
        """
        tracker = Recorder(row=lambda: time.sleep(3_600))
        relay = BackgroundTracker(lambda: tracker, "t", print, finish_timeout=0.2)
        relay.start(run)
        relay.row({"clock": 1})
        relay.finish({})
        """
    )
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_run_that_nobody_finished_is_closed_as_failed_at_exit() -> None:
    done = run_script(
        """
        tracker = Recorder(finish=lambda: print(tracker.events[1:], flush=True))
        relay = BackgroundTracker(lambda: tracker, "t", print)
        relay.start(run)
        relay.started.wait()
        relay.row({"clock": 1})
        """
    )
    assert done.stdout == "[('row', {'clock': 1}), ('finish', {'state': 'failed'})]\n"
    assert done.stderr == ""
