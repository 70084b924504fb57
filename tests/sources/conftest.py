"""Ask for a source as `--data` does, by the plugin's hook alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the library is imported

from lab.data import sources
from lab.data.dataset import Dataset, checked
from lab.plugins import discover


@pytest.fixture(scope="session")
def offered() -> dict[str, Any]:
    return discover().sources()


@pytest.fixture
def ask(offered: dict[str, Any]) -> Callable[..., Dataset]:
    """`ask("shapes", n=100)`: the dataset, checked as a run checks it."""

    def load(words: str, skip_bad: bool = False, **options: Any) -> Dataset:
        spec, argument = sources.find(words, offered)
        return checked(sources.load(spec, argument, options), words, skip_bad)[0]

    return load


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
