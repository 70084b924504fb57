"""Lend every test one thread, a generator, and short runs in the test's own folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import lab


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def draw() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture(scope="session")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the features of sources are kept in: they are learnt once for all tests."""
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
            "latent": 4,
            "batch": 32,
            "budget": 640,
            "eval_every": 320,
            "samples": 60,
            "runs_dir": tmp_path / "runs",
            "wandb": "disabled",
            "media": False,
            "name": name,
        }
        if options.get("data", "ring") != "ring":
            fixed["data_args"] = {}
        return lab.run("gan", **{**fixed, **options})

    return run
