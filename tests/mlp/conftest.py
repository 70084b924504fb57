"""Lend every test quiet runs in its own folder, and the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

import lab


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """As the runner has it: two threads on such small networks only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("mlp")` into the test's own folder, without trackers and pictures."""

    def run(data: str = "iris", **options: Any) -> lab.RunResult:
        fixed = {"runs_dir": tmp_path / "runs", "wandb": "disabled", "media": False}
        return lab.run("mlp", data=data, **{**fixed, **options})

    return run


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line in this process, in the test's own folder."""
    from lab.cli import main

    monkeypatch.chdir(tmp_path)

    def call(*args: object) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="lab")

    return call
