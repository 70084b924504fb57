"""Fixtures: features that are learned once, and short runs in the test's own folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared_fixtures import cli, generator, threads

import lab

__all__ = ["cli", "generator", "threads"]

KINDS: dict[str, dict[str, Any]] = {
    "ring": {"data_args": {"n": 1_000, "std": 0.15}, "hidden": (16,)},
    "digits": {"width": 4, "blocks": 1},
    "waves": {"data_args": {"n": 300, "steps": 12}, "width": 8, "blocks": 1, "heads": 2},
}


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the features of sources are kept in: they are learned once for all tests."""
    return tmp_path_factory.mktemp("features")


@pytest.fixture(autouse=True)
def shared_features(features: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_CACHE", str(features))


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("diffusion")` into the test's own folder: a few steps, without pictures."""

    def run(name: str | None = None, data: str = "ring", **options: Any) -> lab.RunResult:
        fixed = {
            "preset": "none",
            "batch_size": 32,
            "budget": 320,
            "eval_every": 160,
            "eval_samples": 40,
            "steps": 3,
            "runs_dir": tmp_path / "runs",
            "wandb": "disabled",
            "media": False,
            **KINDS[data],
        }
        if options.get("arch") == "mlp" and data != "ring":
            fixed = {key: value for key, value in fixed.items() if key not in KINDS[data]}
            fixed["hidden"] = (16,)
        return lab.run("diffusion", data=data, name=name, **{**fixed, **options})

    return run
