"""Fixtures: features that are learned once, and short runs in the test's own folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared_fixtures import cli, generator, same_everywhere, threads

import lab

__all__ = ["cli", "generator", "same_everywhere", "threads"]


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the features of sources are kept in: they are learned once for all tests."""
    return tmp_path_factory.mktemp("features")


@pytest.fixture(autouse=True)
def shared_features(features: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(features))


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("gan")` on few points into the test's own folder: a few steps, without pictures."""

    def run(name: str | None = None, **options: Any) -> lab.RunResult:
        fixed = {
            "data": "ring",
            "data_args": {"n": 400},
            "preset": "none",
            "hidden": (16,),
            "latent_dim": 4,
            "batch_size": 32,
            "budget": 640,
            "eval_every": 320,
            "eval_samples": 60,
            "runs_dir": tmp_path / "runs",
            "wandb": "disabled",
            "media": False,
            "name": name,
        }
        if options.get("data", "ring") != "ring":
            fixed["data_args"] = {}
        if options.get("data") in ("waves", "sentences") or "width" in options:
            del fixed["hidden"]
        return lab.run("gan", **{**fixed, **options})

    return run
