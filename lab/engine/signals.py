"""Turn Ctrl-C and SIGTERM into a flag that the loop checks after its step, and into an exception in
work that may be thrown away."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

WATCHED = (signal.SIGINT, signal.SIGTERM)


class Cut(KeyboardInterrupt):
    """A signal came while work was `interruptible`. Like Ctrl-C, it is no Exception, which a plugin
    or an environment might catch."""


class Signals:
    """While entered, the first signal only sets `caught`; a second one stops at once."""

    def __init__(self) -> None:
        self.caught: int | None = None
        self._interruptible = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in WATCHED}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Let the first signal, or one that was caught before, end the body at once by `Cut`.

        It may come between any two operations of the body, so what the body was changing, even if
        only for a while, may be half changed: nothing may be saved of it.
        """
        self._interruptible = True
        try:
            if self.caught is not None:
                raise Cut
            yield
        finally:
            self._interruptible = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.caught is not None:
            raise KeyboardInterrupt
        self.caught = number  # and no word: it may have interrupted one that is being printed
        if self._interruptible:
            raise Cut
