"""Lend every test a clean environment."""

from __future__ import annotations

import os

import helpers
import pytest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("LAB_", "WANDB_")):
            monkeypatch.delenv(name)
    for name, value in helpers.QUIET.items():
        monkeypatch.setenv(name, value)
