"""Train a run and end it as the system does when memory is short: at once, without a word.

Run as `python -m lab.testing.killed JSON`, in a process of its own.
"""

from __future__ import annotations

import json
import os
import signal
import sys

import lab
from lab.tracking.terminal import Silent


class Killer(Silent):
    """A terminal that kills its process when the clock gets to `at`."""

    def __init__(self, at: int) -> None:
        self.at = at

    def tick(self, clock: int) -> None:
        if clock >= self.at:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    lab.run(
        task["experiment"], preset=task["preset"], terminal=Killer(task["at"]), **task["options"]
    )
