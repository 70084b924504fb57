"""Lend every test a clean environment."""

from __future__ import annotations

import os

import helpers
import pytest
from hypothesis import settings

settings.register_profile("lab", deadline=None)  # a deadline asks how busy the machine is
settings.load_profile("lab")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("LAB_", "WANDB_")):
            monkeypatch.delenv(name)
    for name, value in helpers.QUIET.items():
        monkeypatch.setenv(name, value)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let groups of tests stay with one worker: pytest-xdist 3.8 writes a test's group to where
    pytest 9.2 no longer reads it (https://github.com/pytest-dev/pytest-xdist/issues/1386)."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        grouped = getattr(item, "_nodeid", item.nodeid)
        if grouped != item.nodeid:
            item._id = type(item._id).parse(grouped)  # type: ignore[attr-defined]
