"""Run a tracker on its own thread, so that it can neither slow nor stop the training."""

from __future__ import annotations

import atexit
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.tracking.tracker import (
    Abandonable,
    FollowsSources,
    GivesHints,
    Row,
    RunInfo,
    Tracker,
)

Event = tuple[str, tuple[Any, ...]]

ABANDON_SECONDS = 1.0
KEPT = "the run folder has everything"


class BackgroundTracker:
    """A `Tracker` that makes another on a daemon thread, and passes it every event in order.

    No call blocks and none raises, but for `finish`, which waits at most `finish_timeout` seconds.
    The first exception out of the tracker, or a start that takes more than `start_timeout`,
    stops it with one line to `say`; the training goes on. `name` is the tracker's in files,
    and `label` what it is called in lines for the person.
    """

    def __init__(
        self,
        make: Callable[[], Tracker],
        name: str,
        say: Callable[[str], None],
        capacity: int = 10_000,
        start_timeout: float = 60.0,
        finish_timeout: float = 60.0,
        label: str = "",
    ) -> None:
        self.name = name
        self.label = label or name
        self.dropped = 0
        self.hints: tuple[str, ...] = ()  # lines for the person once the run has ended
        self.started = threading.Event()
        self._make = make
        self._tracker: Tracker | None = None
        self._print = say
        self._capacity = capacity
        self._start_timeout = start_timeout
        self._finish_timeout = finish_timeout
        self._events: deque[Event] = deque()
        self._wake = threading.Condition()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"tracker-{name}", daemon=True)
        self._begun: float | None = None
        self._stopped = False
        self._finishing = False

    @property
    def url(self) -> str | None:
        """Where the tracker's record can be seen, once that is known."""
        url = getattr(self._tracker, "url", None)
        return url if isinstance(url, str) else None

    def start(self, run: RunInfo) -> None:
        self._begun = time.monotonic()
        self._put("start", replace(run, say=self._say))
        try:
            self._thread.start()
        except RuntimeError as error:
            self._begun = None
            self._stop(_describe(error))

    def row(self, row: Row) -> None:
        self._put("row", dict(row))

    def media(self, name: str, path: Path, clock: int) -> None:
        self._put("media", name, path, clock)

    def source(self, name: str, description: Mapping[str, Any]) -> None:
        self._put("source", name, dict(description))

    def checkpoint(self, name: str, path: Path) -> None:
        self._put("checkpoint", name, path)

    def finish(self, summary: Mapping[str, Any]) -> None:
        if self._finishing or self._begun is None:
            return
        self._finishing = True
        atexit.unregister(self._at_exit)
        lost = {"dropped_events": self.dropped} if self.dropped else {}
        self._append("finish", {**summary, **lost})
        try:
            done = self._wait()
        except BaseException:
            # The user has no patience left: nothing may wait again, at exit neither.
            self._give_up("interrupted", wait=True)
            raise
        if not done:
            self._give_up("does not come to an end", wait=True)

    def _put(self, name: str, *args: Any) -> None:
        if self._late():
            self._give_up(f"has not started after {self._start_timeout:g} s", wait=False)
        if len(self._events) < self._capacity:
            self._append(name, *args)
            return
        self.dropped += 1
        if self.dropped == 1:
            self._say(f"cannot keep up, so that it misses rows ({KEPT})")

    def _append(self, name: str, *args: Any) -> None:
        with self._wake:
            if not self._stopped and not (self._finishing and name != "finish"):
                self._events.append((name, args))
                self._wake.notify()

    def _work(self) -> None:
        try:
            while self._handle(*self._next()):
                pass
        except (Exception, SystemExit) as error:
            if self._stop(_describe(error)):
                self._abandon()
        finally:
            self._ended.set()

    def _next(self) -> Event:
        with self._wake:
            self._wake.wait_for(lambda: self._events)
            return self._events.popleft()

    def _handle(self, name: str, args: tuple[Any, ...]) -> bool:
        if self._stopped:
            return False
        if name == "start":
            self._tracker = self._make()
        if name != "source" or isinstance(self._tracker, FollowsSources):
            getattr(self._tracker, name)(*args)
        if name == "finish" and isinstance(self._tracker, GivesHints):
            self.hints = tuple(map(str, self._tracker.hints()))
        if name == "start":
            self.started.set()
            # Registered after what the tracker registered, so it runs before it.
            atexit.register(self._at_exit)
        return name != "finish"

    def _wait(self) -> bool:
        """Wait for the thread within both limits; return whether it ended."""
        end = time.monotonic() + self._finish_timeout
        # Not by join: until Python 3.13, an interrupt makes it take a running thread for ended.
        while not self._ended.wait(min(0.1, max(0.0, end - time.monotonic()))):
            if time.monotonic() >= end or self._stopped or self._late():
                return False
        self._thread.join()
        return True

    def _late(self) -> bool:
        if self.started.is_set() or self._stopped or self._begun is None:
            return False
        return time.monotonic() - self._begun > self._start_timeout

    def _give_up(self, reason: str, *, wait: bool) -> None:
        if not self._stop(reason) or not isinstance(self._tracker, Abandonable):
            return
        end = time.monotonic() + ABANDON_SECONDS
        helper = threading.Thread(target=self._abandon, name=f"abandon-{self.name}", daemon=True)
        try:
            helper.start()
        except RuntimeError:  # no new threads, as when the interpreter exits
            self._abandon()
            return
        if wait:
            helper.join(ABANDON_SECONDS)
            self._ended.wait(max(0.0, end - time.monotonic()))

    def _stop(self, reason: str) -> bool:
        """Open the circuit, once; later events are ignored."""
        with self._wake:
            if self._stopped:
                return False
            self._stopped = True
            atexit.unregister(self._at_exit)
            self._events.clear()
            self._events.append(("stop", ()))
            self._wake.notify()
        self._say(f"{reason}; given up, {KEPT}")
        return True

    def _abandon(self) -> None:
        if isinstance(self._tracker, Abandonable):
            with suppress(Exception, SystemExit):
                self._tracker.abandon()

    def _at_exit(self) -> None:
        self.finish({"state": "failed"})

    def _say(self, line: str) -> None:
        with suppress(Exception):
            self._print(f"{self.label}: {line}")


def _describe(error: BaseException) -> str:
    first = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {first}" if first else type(error).__name__
