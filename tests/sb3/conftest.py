"""Fixtures: quiet runs in the test's own folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lab


@pytest.fixture
def run_sb3(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("sb3")` into the test's own folder, without trackers and pictures."""

    def run(name: str | None = None, **options: Any) -> lab.RunResult:
        fixed = {"runs_dir": tmp_path / "runs", "wandb": "disabled", "media": False, "name": name}
        return lab.run("sb3", **{**fixed, **options})

    return run
