"""Run folders to make pages of, and the commands that make them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from lab.cli import main

ROWS = (
    {"clock": 1, "eval/length": 9, "eval/return": 1, "train/loss": 2, "perf/time": 3},
    {"clock": 2, "eval/return": 2, "test/return": 1, "perf/clock": 2, "perf/seconds": 1},
    {"clock": 2, "perf/rate": 1},
)


def make_folder(runs: Path, name: str, **changes: Any) -> Path:
    """Make a run folder as a finished run leaves it. Its group is `group-` and the first letter of
    its name; `changes` are of the summary, but for `project`, `url` and `config`."""
    folder = runs / name
    (folder / "media").mkdir(parents=True)
    trackers = json.dumps({"wandb": {"project": changes.pop("project", None)}})
    record = f"experiment: dqn\nid: id-{name}\nconfig: {{}}\nrun: {{}}\ntrackers: {trackers}\n"
    (folder / "config.yaml").write_text(record)
    url = changes.pop("url", None)
    summary = {
        "name": name,
        "state": "finished",
        "experiment": "dqn",
        "group": f"group-{name[0]}",
        "seed": int(name[1:]),
        "clock": {"name": "env_steps", "value": 2},
        "objective": {"metric": "eval/return", "direction": "max", "best": 2, "last": 2},
        "test": {"test/return": 1.0},
        "seconds": 1.0,
        "config": {"env": "CartPole-v1", **changes.pop("config", {})},
        "links": {"wandb": url} if url else {},
        **changes,
    }
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    for file in ("000000001-episode.gif", "000000002-episode.gif", "000000002-scores.csv"):
        (folder / "media" / file).write_text("")
    return folder


def view(*words: str) -> Result:
    return CliRunner().invoke(main, ["wandb", "view", *words])


def report(*words: str) -> Result:
    return CliRunner().invoke(main, ["wandb", "report", *words])


def made(done: Result) -> list[dict[str, Any]]:
    """The pages that were printed."""
    assert done.exit_code == 0, done.output
    pages: list[dict[str, Any]] = json.loads(done.stdout)
    return pages
