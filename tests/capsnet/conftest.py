"""Fixtures: one thread, small networks, a run that is trained once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from shared_fixtures import cli, generator, threads

import lab
from lab_capsnet.config import Config
from lab_capsnet.model import Capsules, build

__all__ = ["cli", "generator", "threads"]

SMALL: dict[str, Any] = {
    "channels": 6, "kernel": 3, "capsule_types": 2, "capsule_dim": 3, "primary_kernel": 3,
    "class_dim": 4, "decoder": (7,),
}  # fmt: skip


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def info(shape: tuple[int, ...] = (1, 8, 8), classes: int = 3, **facts: Any) -> lab.DatasetInfo:
    names = tuple("abcdefghijklmnopqrst"[:classes])
    scales = (0.25,) * shape[0], (0.5,) * shape[0]
    return lab.DatasetInfo("it", "image", "classify", shape, names, classes, *scales, **facts)


@pytest.fixture
def make_net() -> Callable[..., Capsules]:
    """A small network for pictures of a shape."""

    def make(shape: tuple[int, ...] = (1, 8, 8), classes: int = 3, **options: Any) -> Capsules:
        return build(Config(**{**SMALL, **options}), info(shape, classes))

    return make


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("capsnet")` into the test's own folder, without trackers and pictures."""

    def run(**options: Any) -> lab.RunResult:
        fixed = {"runs_dir": tmp_path / "runs", "wandb": "disabled", "media": False}
        tiny = {"preset": "tiny", "budget": 320, "eval_every": 320, "batch_size": 32}
        return lab.run("capsnet", **{**fixed, **tiny, **options})

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the preset tiny, with its pictures."""
    folder = tmp_path_factory.mktemp("capsnet")
    result = lab.run(
        "capsnet", preset="tiny", runs_dir=folder, name="tiny", wandb="disabled", eval_every=4_000
    )
    return result.dir
