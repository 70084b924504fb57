"""Bound the time that a check may take, and let a signal end all of them at once.

A plugin may hang anywhere, and may catch every `Exception`: what ends a check is none.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Any, NoReturn
from unittest import mock

from lab.engine.signals import WATCHED
from lab.testing.places import Own

SECONDS = 300.0  # the time of one check; its runs take seconds each
AGAIN = 5.0  # seconds after which what caught the end of its time is ended once more
GRACE = 20.0  # seconds after which what no signal reaches takes the process with it


class OutOfTime(BaseException):
    """A check took too long. `method` is the plugin's function that the lab had called."""

    def __init__(self, message: str, method: str) -> None:
        super().__init__(message)
        self.method = method


class Stopped(BaseException):
    """A signal came that asks this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


@contextmanager
def limited(seconds: float, own: Own, check: str, clean: Callable[[], None]) -> Iterator[None]:
    """Raise OutOfTime in what takes longer than `seconds`, and Stopped where a signal asks.

    Code below Python handles no signal: after GRACE seconds more a line says so, `clean` is called,
    and the process ends with exit code 1. Only the main thread can be bounded.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _stopping(), _last_resort(seconds, own, check, clean), _alarm(seconds, own):
        yield


def late(seconds: float, own: Own, frame: FrameType | None) -> str:
    """Say where the plugin was when the time was over."""
    place = own.running(frame)
    where = f"the plugin was at {place}" if place else "none of the plugin's lines ran"
    return f"It took more than {seconds:g} s. When time ran out, {where}."


@contextmanager
def prompt() -> Iterator[None]:
    """Let signals end the runs inside at once: a runner would finish its step first, which may
    never come to its end."""
    from lab.engine import runner

    with mock.patch.object(runner, "Signals", _Deaf):
        yield


class _Deaf:
    """In the place of `lab.engine.signals.Signals`: handles none."""

    caught: int | None = None

    def __enter__(self) -> _Deaf:
        return self

    def __exit__(self, *info: Any) -> None: ...

    def interruptible(self) -> AbstractContextManager[None]:
        return nullcontext()


@contextmanager
def _stopping() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in WATCHED}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _alarm(seconds: float, own: Own) -> Iterator[None]:
    if not hasattr(signal, "setitimer"):  # where the system has none, the last resort is all
        yield
        return

    rung: list[OutOfTime] = []

    def ring(number: int, frame: FrameType | None) -> None:
        if own.imports(frame):
            return  # half a module would fail whatever needs it later: it rings again
        rung.append(OutOfTime(late(seconds, own, frame), own.entered(frame)))
        raise rung[-1]

    handler = signal.signal(signal.SIGALRM, ring)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    except Stopped:
        raise
    except BaseException:
        if not rung:
            raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)
    if rung:  # whatever became of it: an import that was cut short fails in ways of its own
        raise rung[0]


@contextmanager
def _last_resort(seconds: float, own: Own, check: str, clean: Callable[[], None]) -> Iterator[None]:
    main = threading.get_ident()
    screen = os.dup(2)  # standard error may be caught by the time that it is needed

    def end() -> None:
        why = late(seconds, own, sys._current_frames().get(main))
        text = f"{check}: {why} It is below Python, where nothing interrupts it: this ends here.\n"
        os.write(screen, text.encode())
        clean()
        os._exit(1)

    timer = threading.Timer(seconds + GRACE, end)
    timer.daemon = True
    timer.start()
    # code that holds the GIL blocks every thread but this one
    faulthandler.dump_traceback_later(seconds + 2 * GRACE, exit=True, file=screen)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        timer.cancel()
        timer.join()
        os.close(screen)
