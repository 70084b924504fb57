"""Give every test a clean environment."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from warm import QUIET

settings.register_profile("lab", deadline=None)  # a deadline asks how busy the machine is
settings.load_profile("lab")

MEMORY = "/dev/shm"
NEEDED = 8 * 2**30  # bytes: four times what the tests write


def keeps_files_in_memory() -> bool:
    """Tell whether temporary files may lie in memory, programs among them."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return False
    system = os.statvfs(MEMORY)
    return not system.f_flag & os.ST_NOEXEC and system.f_bavail * system.f_frsize >= NEEDED


if keeps_files_in_memory():  # a run waits for twenty of its files, which a disk takes 8 ms for each
    tempfile.tempdir = os.environ["TMPDIR"] = MEMORY

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell has it in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which children inherit


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("LAB_", "WANDB_")):
            monkeypatch.delenv(name)
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def run_info(tmp_path: Path) -> Callable[..., Any]:
    """Return a maker of the RunInfo that a tracker gets; its folder exists."""
    from lab import RunInfo

    def make(**changes: Any) -> RunInfo:
        folder = tmp_path / "runs" / "r1"
        folder.mkdir(parents=True, exist_ok=True)
        facts: dict[str, Any] = {
            "id": "abc123",
            "name": "dqn-CartPole-v1-s0",
            "dir": folder,
            "experiment": "dqn",
            "target": "CartPole-v1",
            "group": "dqn-9f3c",
            "seed": 0,
            "config": {"lr": 0.001, "net": {"hidden": 64}},
            "clock": "env_steps",
            "objective": ("eval/return", "max"),
        }
        return RunInfo(**{**facts, **changes})

    return make


def pytest_collection_finish() -> None:
    """Keep python from looking through what stays anyway, tests and libraries, for what may go."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let groups of tests stay with one worker: pytest-xdist 3.8 writes a test's group to where
    pytest 9.2 no longer reads it (https://github.com/pytest-dev/pytest-xdist/issues/1386)."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        grouped = getattr(item, "_nodeid", item.nodeid)
        if grouped != item.nodeid:
            item._id = type(item._id).parse(grouped)
