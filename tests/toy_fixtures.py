"""The toys as installed plugins, and the command line: a conftest imports what it needs."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helpers
import pytest
from click.testing import CliRunner, Result


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the toys are installed distributions."""
    return helpers.toy_distributions(tmp_path_factory.mktemp("site"))


@pytest.fixture
def toys(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toys, discoverable in this process."""
    monkeypatch.syspath_prepend(helpers.TOYS)
    monkeypatch.syspath_prepend(site)


@pytest.fixture
def train(toys: None, tmp_path: Path) -> Callable[..., Any]:
    """`lab.run` into the test's own folder, without trackers."""
    import lab

    def run(experiment: str, name: str | None = None, **options: Any) -> Any:
        fixed = {"runs_dir": tmp_path / "runs", "wandb": "disabled", "name": name}
        return lab.run(experiment, **{**fixed, **options})

    return run


@pytest.fixture
def cli(toys: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line in this process, in the test's own folder; `lab run` without trackers."""
    from lab.cli import main

    monkeypatch.chdir(tmp_path)

    def call(*args: object, **environment: str) -> Result:
        words = [str(arg) for arg in args]
        if words[0] == "run" and len(words) > 1 and not words[1].startswith("-"):
            words[2:2] = ["--wandb", "disabled"]
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        try:
            return CliRunner().invoke(main, words, prog_name="lab")
        finally:
            for name in environment:
                monkeypatch.delenv(name)

    return call


@pytest.fixture
def spawn(site: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `python -m lab ...` in the test's own folder; whatever still lives at the end is
    killed."""
    children: list[subprocess.Popen[str]] = []

    def start(*args: object, **environment: str) -> subprocess.Popen[str]:
        child = helpers.start_warm(
            helpers.lab_command(*args),
            cwd=tmp_path,
            env=helpers.child_environment(site, **environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
        child.communicate()
