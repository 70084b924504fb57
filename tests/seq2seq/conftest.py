"""Fixtures: one thread, the command line, small networks, and runs that tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared_fixtures import cli, threads

import lab
from lab_seq2seq.config import Config

__all__ = ["cli", "threads"]

SMALL: dict[str, Any] = {"hidden_size": 16, "heads": 2, "dropout": 0.0}
SHORT: dict[str, Any] = {"preset": "tiny", "wandb": "disabled", "threads": 1}


def info(kind: str = "tokens", shape: tuple[int, ...] = (5,), **facts: Any) -> lab.DatasetInfo:
    words = ("", "a", "b", "c")
    given = {"vocabulary": words if kind == "tokens" else (), "target_vocabulary": words}
    return lab.DatasetInfo(
        "it", kind, "translate", shape, (), len(words), (0.0,), (1.0,), **{**given, **facts}
    )


def small(**options: Any) -> Config:
    chosen = {**SMALL, **options}
    if "transformer" not in (chosen.get("encoder"), chosen.get("decoder")):
        chosen.pop("heads")
    return Config(**chosen)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a run of `tiny` with an encoder and a decoder of one kind, trained once,
    with pictures."""
    folder, dirs = tmp_path_factory.mktemp("runs"), {}

    def run(kind: str) -> Path:
        if kind not in dirs:
            options = {"encoder": kind, "decoder": kind, "runs_dir": folder, "name": kind}
            dirs[kind] = lab.run("seq2seq", **{**SHORT, **options}).dir
        return dirs[kind]

    return run


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("seq2seq")` into the test's own folder: a few steps, without pictures."""

    def run(**options: Any) -> lab.RunResult:
        fixed = {"runs_dir": tmp_path / "runs", "media": False, "budget": 128, "eval_every": 128}
        return lab.run("seq2seq", **{**SHORT, **fixed, **options})

    return run
