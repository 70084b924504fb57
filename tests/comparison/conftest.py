"""Fixtures: run folders as runs leave them, and a browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser_fixtures import browser, chrome

__all__ = ["browser", "chrome"]

Write = Callable[..., Path]
TOLD = {  # by a summary; anything else is an option
    "name", "state", "group", "experiment", "target", "clock", "objective", "test", "seconds",
    "error", "links", "config", "direction", "began", "ended", "metric",
}  # fmt: skip


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a run folder as a finished run leaves it."""
    monkeypatch.chdir(tmp_path)

    def make(name: str, test: float, *, curve: tuple[float, ...] = (0.0, 1.0, 2.0), **changes: Any):
        config = {"lr": changes.pop("lr", 0.1), "env": changes.pop("env", "A")}
        config |= {"seed": changes.pop("seed", 0), "experiment": changes.get("experiment", "dqn")}
        config |= {name: changes.pop(name) for name in set(changes) - TOLD}
        direction = changes.pop("direction", "max")
        began = changes.pop("began", 1.7e9)
        metric = changes.pop("metric", "return")
        summary = {
            "name": name, "state": "finished", "group": "g", "experiment": "dqn", "target": "A",
            "seed": config["seed"], "clock": {"name": "env_steps", "value": 200, "budget": 200},
            "objective": {"metric": f"eval/{metric}", "direction": direction, "last": curve[-1]},
            "test": {f"test/{metric}": test}, "seconds": 10.0, "config": config,
        } | changes  # fmt: skip
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("experiment: dqn\n")
        (folder / "summary.json").write_text(json.dumps(summary))
        rows = [
            {
                "clock": 100 * i,
                f"eval/{metric}": value,
                "perf/seconds": 5.0 * i,
                "perf/time": began + 5.0 * i,
            }
            for i, value in enumerate(curve)
        ]
        rows.insert(1, {"clock": 50, "train/loss": 1.0, "perf/seconds": 2.5})
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return make
