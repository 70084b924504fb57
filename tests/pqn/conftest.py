"""Fixtures: quiet runs in the test's own folder, and the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared_fixtures import cli, threads

import lab

__all__ = ["cli", "threads"]


@pytest.fixture
def run_pqn(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("pqn")` into the test's own folder, without trackers and pictures."""

    def run(name: str | None = None, **options: Any) -> lab.RunResult:
        fixed = {"runs_dir": tmp_path / "runs", "wandb": "disabled", "media": False, "name": name}
        return lab.run("pqn", **{**fixed, **options})

    return run
