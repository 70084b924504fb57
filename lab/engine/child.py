"""Train one run in a process of its own: `lab run` with all its options decided."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any

import yaml

from lab.engine.session import RunResult
from lab.engine.signals import WATCHED
from lab.plugins import DISABLE
from lab.resolve import Resolved
from lab.storage import store

# The child imports what this process can import: a notebook may have added to sys.path. It needs
# nothing of this process's __main__, so a script needs no `if __name__ == "__main__"`.
COMMAND = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); sys.argv[:2] = ['lab']; "
    "from lab.cli import main; main(prog_name='lab')"
)


class Child:
    """A run that trains in a process of its own."""

    def __init__(self, reference: str, resolved: Resolved, scratch: Path) -> None:
        self._run = resolved.run
        run = resolved.run.model_dump(mode="json", exclude_none=True)
        values = {**resolved.config.model_dump(mode="json"), **run}
        for own in resolved.tracker_values.values():
            values |= own
        (scratch / "options.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
        self._stdout = (scratch / "stdout").open("w+", encoding="utf-8")
        self._stderr = (scratch / "stderr").open("w+", encoding="utf-8")
        words = ["run", reference, "--preset", "none", "--config", str(scratch / "options.yaml")]
        paths = json.dumps([str(path) for path in sys.path])
        self._signals = 0
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", COMMAND, paths, *words, "--json", "--quiet"],
            stdout=self._stdout,
            stderr=self._stderr,
            env=_environment(),
            start_new_session=True,  # so that Ctrl-C comes from the parent, once
        )

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def send(self, number: int, times: int) -> None:
        """Send a signal until it was sent that many times in all."""
        while self._signals < times:
            self._signals += 1
            self._process.send_signal(number)

    def wait(self) -> None:
        self._process.wait()

    def answer(self) -> tuple[RunResult | None, str | None]:
        """Return what an ended run came to, None where it has no folder, and why it did not finish,
        None where it did."""
        stdout, stderr = _read(self._stdout), _read(self._stderr)
        fields = _last_object(stdout)
        result = RunResult.read(Path(fields["dir"])) if "dir" in fields else self._left_behind()
        code = self._process.returncode
        return result, None if code == 0 else stderr or _ending(code)

    def _left_behind(self) -> RunResult | None:
        """Return the run of a process that was killed: it left its folder without a word."""
        for run in store.runs(self._run.runs_dir):
            mine = {"pid": self._process.pid, "seed": self._run.seed, "group": self._run.group}
            if mine.items() <= run.summary.items():
                return RunResult.read(run.dir)
        return None


def _read(file: IO[str]) -> str:
    with file:
        file.seek(0)
        return file.read().strip()


def _last_object(text: str) -> dict[str, Any]:
    """Return the JSON object in the last line: libraries below python may have printed before."""
    with suppress(ValueError):
        value = json.loads(text.rpartition("\n")[2])
        return value if isinstance(value, dict) else {}
    return {}


def _ending(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit code {code}"
    return f"its process was ended by {signal.Signals(-code).name}"


def _environment() -> dict[str, str]:
    """Return this environment without `LAB_...` options: they are resolved, and would otherwise
    win over the child's file."""
    kept = (DISABLE, "LAB_DEBUG", "LAB_CACHE")
    return {k: v for k, v in os.environ.items() if not k.startswith("LAB_") or k in kept}


class ForwardedSignals:
    """While entered in the main thread, pass Ctrl-C and SIGTERM on to the children, which save."""

    def __init__(self, children: Iterable[Child]) -> None:
        self._children = children
        self._before: dict[int, Any] = {}
        self._times = 0
        self.caught: int | None = None

    def __enter__(self) -> ForwardedSignals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in WATCHED}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.caught = number
        self._times += 1
        self.pass_on()

    def pass_on(self) -> None:
        """Send each child as many signals as came here."""
        if self.caught is not None:
            for child in self._children:
                child.send(self.caught, self._times)
