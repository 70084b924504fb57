"""Fixtures: one thread, quiet runs, some that are trained once for all, and the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared_fixtures import cli, generator, threads

import lab

__all__ = ["cli", "generator", "threads"]

SMALL = {"layers": 1, "width": 16, "heads": 2, "batch_size": 16, "plots": False}
FEW_STORIES = {"data": "stories", "data_args": {"n": 200, "facts": 3}}


def quiet(folder: Path, **options: Any) -> lab.RunResult:
    """`lab.run("transformer")` of a small network, without trackers."""
    fixed = {"runs_dir": folder, "wandb": "disabled", "preset": "none", "budget": 64}
    return lab.run("transformer", **{**fixed, "eval_every": 10**6, **SMALL, **options})


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`quiet` into the test's own folder."""

    def run(**options: Any) -> lab.RunResult:
        return quiet(tmp_path / "runs", **options)

    return run


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs that are trained once: `pretrained`, and `answering` of the same stories."""
    folder = tmp_path_factory.mktemp("runs")
    common = {**FEW_STORIES, "budget": 320, "lr": 3e-3}
    quiet(folder, **common, pretrain="masked", name="pretrained", plots=True)
    quiet(folder, **common, answer="span", name="answering", plots=True)
    return folder
