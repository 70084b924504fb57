"""Show a run in a notebook cell: one line that is drawn again, with a bar in HTML.

It needs IPython alone, which every notebook has; nothing is imported where there is none.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from lab.tracking.terminal import REFRESH_SECONDS, Silent, heading, is_watched

MOST_LINES = 20  # of messages under the bar


class _Html:
    """HTML as IPython shows it."""

    def __init__(self, html: str) -> None:
        self._html = html

    def _repr_html_(self) -> str:
        return self._html


Display = Callable[..., Any]  # IPython's: display(object, display_id=True) returns a handle


def display() -> Display | None:
    """Return IPython's `display` where this process is the kernel of a notebook, else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import display as show  # type: ignore[import-not-found]

    return show  # type: ignore[no-any-return]


class NotebookBar(Silent):
    """A bar with clock, losses, last and best objective, and the messages of the run."""

    def __init__(self, show: Display) -> None:
        self._show = show
        self._handle: Any = None
        self._due = 0.0
        self._title, self._unit, self._clock, self._budget = "", "", 0, 1
        self._seen: dict[str, float] = {}
        self._best: float | None = None
        self._lines: list[str] = []

    def start(self, title: str, clock: str, begin: int, budget: int) -> None:
        self._title = heading(title, clock, begin, budget)
        self._unit, self._clock, self._budget = clock, begin, budget
        self._seen, self._best, self._lines = {}, None, []
        self._handle = self._show(self._html(), display_id=True)

    def tick(self, clock: int) -> None:
        self._clock = clock
        if time.monotonic() >= self._due:
            self._draw()

    def row(self, row: Mapping[str, float], objective: str, best: float | None) -> None:
        self._clock = int(row["clock"])
        self._seen.update({name: row[name] for name in row if is_watched(name, objective)})
        self._best = best

    def say(self, message: str) -> None:
        self._lines = [*self._lines, message][-MOST_LINES:]
        self._draw()

    def stop(self) -> None:
        self._draw()

    def _draw(self) -> None:
        self._due = time.monotonic() + REFRESH_SECONDS
        if self._handle is not None:
            self._handle.update(self._html())

    def _html(self) -> _Html:
        done = min(self._clock, self._budget)
        parts = [f"{self._clock:,}/{self._budget:,} {self._unit}"]
        parts += [f"{name} {value:.4g}" for name, value in self._seen.items()]
        parts += [] if self._best is None else [f"best {self._best:.4g}"]
        lines = escape("\n".join(self._lines))
        return _Html(
            f"<div>{escape(self._title)}<br>"
            f'<progress value="{done}" max="{self._budget}"></progress> '
            f"{escape('  '.join(parts))}{f'<pre>{lines}</pre>' if lines else ''}</div>"
        )
