"""Fixtures: one thread, networks for made-up data, quiet runs in the test's own folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from shared_fixtures import cli, threads

import lab
from lab_rnn.config import Config
from lab_rnn.networks import build

__all__ = ["cli", "threads"]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("rnn")` into the test's own folder, without trackers and pictures."""

    def run(data: str = "digits", **options: Any) -> lab.RunResult:
        fixed = {"runs_dir": tmp_path / "runs", "wandb": "disabled", "media": False}
        small = {"preset": "none", "cell": "gru", "hidden_size": 8, "batch_size": 16}
        return lab.run("rnn", data=data, **{**fixed, **small, **options})

    return run


@pytest.fixture
def make_net() -> Callable[..., Any]:
    """A network in eval mode for data of that description."""

    def make(kind: str, shape: tuple[int, ...], task: str = "classify", **options: Any) -> Any:
        facts: dict[str, Any] = {
            name: options.pop(name)
            for name in ("per_step", "vocabulary", "target_vocabulary", "features", "target")
            if name in options
        }
        classes = ("a", "b", "c") if task == "classify" else ()
        zero, one = (0.0,) * shape[-1], (1.0,) * shape[-1]
        outputs = len(classes or facts.get("target_vocabulary", ()))
        info = lab.DatasetInfo("it", kind, task, shape, classes, outputs, zero, one, **facts)
        return build(Config(**{"hidden_size": 5, "cell": "gru", **options}), info).eval()

    return make
