"""Give every test here a home of its own, and a wandb that knows nothing of the last test."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import helpers
import pytest

# makes a folder for media at its import: not within one that a test has for a while
import wandb.sdk.data_types._private  # noqa: F401
from fake_wandb import FakeWandb

from lab.tracking.tracker import RunInfo
from lab_wandb.internals.session import core_process


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home, no WANDB_ variables; wandb-core is gone afterwards."""
    for name in [name for name in os.environ if name.startswith(("WANDB_", "XDG_", "NETRC"))]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    forget_wandb()  # a test elsewhere may have queried another server
    yield folder
    core = core_process()
    if core is not None:
        core.kill()
    forget_wandb()


def forget_wandb() -> None:
    """Let wandb read its settings afresh; it keeps them for the life of the process."""
    if "wandb" in sys.modules:
        with suppress(Exception, SystemExit):
            sys.modules["wandb"].teardown()


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeWandb]:
    """A W&B server that the environment points to, with a key."""
    with FakeWandb() as fake:
        for name, value in fake.env().items():
            monkeypatch.setenv(name, value)
        yield fake
        assert fake.errors == []


@pytest.fixture
def toys(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toys, discoverable in this process."""
    monkeypatch.syspath_prepend(helpers.TOYS)
    monkeypatch.syspath_prepend(helpers.toy_distributions(tmp_path_factory.mktemp("site")))


@pytest.fixture
def messages() -> list[str]:
    """The messages of a tracker to the user."""
    return []


@pytest.fixture
def make_run(run_info: Callable[..., RunInfo], messages: list[str]) -> Callable[..., RunInfo]:
    """Return a maker of RunInfo; its folder exists, and messages go to `messages`."""

    def make(**changes: Any) -> RunInfo:
        return run_info(say=messages.append, **changes)

    return make
