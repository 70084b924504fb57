"""Run children side by side, hand over their rows as they come, and end those that overrun."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.rows import FAILED, LATE, Row

GRACE = 20.0  # seconds after the deadline in which a child may end by itself
LIBRARIES = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "WANDB_ERROR_REPORTING": "false"}


class Job:
    """A child process, and the parts it has not yet reported."""

    def __init__(self, task: dict[str, Any], rows: queue.Queue[Row | Job]) -> None:
        self.task, self.rows = task, rows
        families = task.get("contests") or [task["family"]]  # each is a row of its own
        self.open = [(family, part) for family in families for part in task["parts"]]
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        folder = Path(self.task["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        self.errors = folder / "stderr.txt"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.gpu.child", json.dumps(self.task)],
            env={**os.environ, **LIBRARIES, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.PIPE,
            stderr=self.errors.open("w"),
            text=True,
            start_new_session=True,  # with its own children, to end them together
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            row = Row.from_line(line)
            if row is not None:
                if (row.family, row.part) in self.open:
                    self.open.remove((row.family, row.part))
                self.rows.put(row)
        self.process.wait()
        self.rows.put(self)

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def missing(self) -> Iterator[Row]:
        """Yield a row for each part that the child, which has ended, did not report."""
        assert self.process is not None
        late = self.process.returncode == -signal.SIGKILL
        lines = self.errors.read_text(errors="replace").strip().splitlines()
        why = "stopped: the time was up" if late else (
            f"failed: the process ended with {self.process.returncode}: {(lines or ['?'])[-1]}"
        )  # fmt: skip
        for family, part in self.open:
            yield Row(family, part, LATE if late else FAILED, why[:600])


def run(tasks: Sequence[dict[str, Any]], number: int, deadline: float) -> Iterator[Row]:
    """Yield rows of all tasks, `number` of which run at a time."""
    rows: queue.Queue[Row | Job] = queue.Queue()
    waiting = [Job(task, rows) for task in tasks]
    running: list[Job] = []
    try:
        while waiting or running:
            while waiting and len(running) < number:
                running.append(waiting.pop(0))
                running[-1].start()
            try:
                item = rows.get(timeout=1.0)
            except queue.Empty:
                if time.time() > deadline + GRACE:
                    for job in running:
                        job.kill()
                continue
            if isinstance(item, Row):
                yield item
            else:
                running.remove(item)
                yield from item.missing()
    finally:
        for job in running:
            job.kill()
