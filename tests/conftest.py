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
