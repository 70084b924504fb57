"""Show a run on the terminal: a progress bar for people, plain lines for everything else."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

REFRESH_SECONDS = 0.5
PLAIN_SECONDS = 10.0


class Terminal(Protocol):
    """What the runner shows on a screen. All of it goes to stderr; stdout is for data, which `show`
    gets as they come, where somebody looks at them."""

    def start(self, title: str, clock: str, begin: int, budget: int) -> None: ...
    def tick(self, clock: int) -> None: ...
    def row(self, row: Mapping[str, float], objective: str, best: float | None) -> None: ...
    def say(self, message: str) -> None: ...
    def show(self, text: str) -> None: ...
    def stop(self) -> None: ...


class Silent:
    """Show nothing but what went wrong elsewhere."""

    def start(self, title: str, clock: str, begin: int, budget: int) -> None:
        pass

    def tick(self, clock: int) -> None:
        pass

    def row(self, row: Mapping[str, float], objective: str, best: float | None) -> None:
        pass

    def say(self, message: str) -> None:
        pass

    def show(self, text: str) -> None:
        pass

    def stop(self) -> None:
        pass


class PlainLines(Silent):
    """Print a line for each evaluation, and one now and then between: for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._last_row = 0.0
        self._budget = 0
        self._clock = ""

    def start(self, title: str, clock: str, begin: int, budget: int) -> None:
        self._budget, self._clock = budget, clock
        self.say(heading(title, clock, begin, budget))

    def row(self, row: Mapping[str, float], objective: str, best: float | None) -> None:
        now = time.monotonic()
        if objective not in row and now - self._last_row < PLAIN_SECONDS:
            return
        self._last_row = now
        parts = [f"{int(row['clock']):>9,}/{self._budget:,} {self._clock}"]
        parts += [
            f"{name} {value:.4g}"
            for name, value in row.items()
            if is_watched(name, objective) or name == "train/return" or name.startswith("test/")
        ]
        if objective in row and best is not None:
            parts.append(f"best {best:.4g}")
        self.say("  ".join(parts))

    def say(self, message: str) -> None:
        self._stream.write(f"{message}\n")  # at once: trackers speak from threads of their own
        self._stream.flush()


class Printing(PlainLines):
    """Print on stdout what is shown, as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = ""

    def show(self, text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()
        self.shown += text


class Bar(Silent):
    """A progress bar with clock, rate, phase, losses, last and best objective, and time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True)
        self._bar: Progress = Progress(
            BarColumn(bar_width=None),  # leaves room for the metrics on a narrow screen
            TextColumn("{task.fields[clock]}"),
            TextColumn("[dim]{task.fields[rate]}"),
            TextColumn("{task.fields[metrics]}"),
            TimeRemainingColumn(compact=True),
            expand=True,
            console=self._console,
            auto_refresh=False,  # drawn from the loop: no second thread, no surprise cost
        )
        self._task: TaskID | None = None
        self._due = 0.0
        self._last: tuple[float, int] = (0.0, 0)
        self._seen: dict[str, float] = {}

    def start(self, title: str, clock: str, begin: int, budget: int) -> None:
        self._budget = budget
        self._last = (time.monotonic(), begin)
        self.say(heading(title, clock, begin, budget))
        self._task = self._bar.add_task(
            "", total=budget, completed=begin, clock="", rate="", metrics=""
        )
        self._bar.start()

    def tick(self, clock: int) -> None:
        now = time.monotonic()
        if now < self._due or self._task is None:
            return
        self._due = now + REFRESH_SECONDS
        before, at = self._last
        rate = (clock - at) / max(now - before, 1e-9)
        if now - before > 5:
            self._last = (now, clock)
        self._bar.update(
            self._task,
            completed=min(clock, self._budget),
            clock=f"{clock:,}/{self._budget:,}",
            rate=f"{rate:,.0f}/s",
        )
        self._bar.refresh()

    def row(self, row: Mapping[str, float], objective: str, best: float | None) -> None:
        self._seen.update({name: row[name] for name in row if is_watched(name, objective)})
        parts = [f"{name.split('/')[1]} {value:.3g}" for name, value in self._seen.items()]
        if best is not None:
            parts.append(f"[green]best {best:.3g}[/]")
        if self._task is not None:
            self._bar.update(self._task, metrics="  ".join(parts))

    def say(self, message: str) -> None:
        self._console.print(message, markup=False, highlight=False)

    def stop(self) -> None:
        if self._task is not None:
            self._bar.refresh()
            self._bar.stop()


def for_python() -> Terminal:
    """Return a bar in a notebook; a script sees nothing unless it asks."""
    from lab.tracking.notebook import NotebookBar, display

    show = display()
    return Silent() if show is None else NotebookBar(show)


def for_stream(stream: TextIO | None = None) -> Terminal:
    """Return a bar where a person looks, plain lines elsewhere."""
    stream = stream or sys.stderr
    return Bar() if stream.isatty() else PlainLines(stream)


def heading(title: str, clock: str, begin: int, budget: int) -> str:
    where = f"from {begin:,} to {budget:,}" if begin else f"{budget:,}"
    return f"{title}: {where} {clock}"


def is_watched(name: str, objective: str) -> bool:
    """Tell what people watch: in which phase training is, losses, and what selects."""
    if name in ("train/phase", "train/loss", objective):
        return True
    return name.startswith("train/") and name.endswith("_loss")  # of each player
