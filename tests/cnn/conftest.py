"""Fixtures: tiny pictures as an installed source, quiet runs, and the command line."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helpers
import pytest
from click.testing import CliRunner, Result
from shared_fixtures import threads

import lab

__all__ = ["threads"]

SOURCES = Path(__file__).parent / "sources"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tiny pictures are an installed distribution."""
    folder = tmp_path_factory.mktemp("site")
    return helpers.distribution(folder, "tiny-pictures", {"tiny-pictures": "tiny_pictures"})


@pytest.fixture
def sources(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SOURCES)
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()


@pytest.fixture
def train(sources: None, tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("cnn")` on 8 x 8 bars into the test's own folder: a few steps, without pictures."""

    def run(name: str | None = None, **options: Any) -> lab.RunResult:
        fixed = {
            "data": "bars",
            "arch": "simple",
            "batch_size": 16,
            "budget": 64,
            "eval_every": 64,
            "runs_dir": tmp_path / "runs",
            "wandb": "disabled",
            "media": False,
            "name": name,
        }
        if fixed["arch"] == options.get("arch", "simple") and "model" not in options:
            fixed["width"] = 0.25
        return lab.run("cnn", **{**fixed, **options})

    return run


@pytest.fixture
def cli(sources: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line in this process, in the test's own folder."""
    from lab.cli import main

    monkeypatch.chdir(tmp_path)

    def call(*args: object) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="lab")

    return call
