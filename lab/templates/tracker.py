"""Hold a tracker that writes the events of a run to a file."""

from __future__ import annotations

from lab.templates.template import Template

SPEC = '''\
"""Offer {{name}}."""

from collections.abc import Iterator

from lab import TrackerSpec, hookimpl


@hookimpl
def lab_trackers() -> Iterator[TrackerSpec]:
    yield TrackerSpec(
        name="{{name}}",
        tracker="{{package}}.tracker:Tracker",
    )
'''

TRACKER = '''\
"""Write the events of a run to a file, a line of JSON for each."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import lab


class Tracker:
    """Made without arguments, one for each run, on a thread of its own: it can neither slow nor
    stop the run. The first exception ends the tracking."""

    file: TextIO
    url: str  # the address of the record; the run's summary links to it

    def start(self, run: lab.RunInfo) -> None:
        """Open the record of `run`, or continue it where the run was resumed."""
        path = run.dir / "{{name}}.jsonl"
        self.file = path.open("a" if run.resumed else "w", encoding="utf-8")
        self.url = path.absolute().as_uri()
        self.write("resume" if run.resumed else "start", id=run.id, config=dict(run.config))

    def source(self, name: str, description: Mapping[str, Any]) -> None:
        """Take that the run reads the data `name`. This method may be left out."""
        self.write("source", name=name, description=dict(description))

    def row(self, row: Mapping[str, float]) -> None:
        """Take one row: `clock`, and metrics by full name (`train/loss`)."""
        self.write("row", **row)

    def media(self, name: str, path: Path, clock: int) -> None:
        """Take a picture, a clip or a text that lies at `path`."""
        self.write("media", name=name, path=str(path), clock=clock)

    def checkpoint(self, name: str, path: Path) -> None:
        """Take the checkpoint `name` ("best", "last") as it stands when the run ends."""
        self.write("checkpoint", name=name, path=str(path))

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Close the record. summary["state"] is finished, interrupted or failed."""
        self.write("finish", state=summary["state"])
        self.file.close()

    def write(self, event: str, **facts: object) -> None:
        self.file.write(json.dumps({"event": event, **facts}, default=str) + "\\n")
        self.file.flush()
'''

TEMPLATE = Template(
    what="A tracker",
    about="it follows every run and writes what happens to a file in the run folder.",
    tries={"lab run dqn --env CartPole-v1": "runs/.../{{name}}.jsonl holds a line for each event"},
    files={"__init__.py": SPEC, "tracker.py": TRACKER},
    holds={
        "__init__.py": "what the lab lists: the name; imports nothing heavy",
        "tracker.py": "what is done with each event of a run",
    },
)
