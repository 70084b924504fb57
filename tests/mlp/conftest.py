"""Fixtures: one thread, quiet runs in the test's own folder, and the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared_fixtures import cli, threads

import lab

__all__ = ["cli", "threads"]


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("mlp")` into the test's own folder, without trackers and pictures."""

    def run(data: str = "iris", **options: Any) -> lab.RunResult:
        fixed = {"runs_dir": tmp_path / "runs", "wandb": "disabled", "media": False}
        return lab.run("mlp", data=data, **{**fixed, **options})

    return run
