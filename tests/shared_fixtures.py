"""Fixtures that several families need: a conftest imports those that it uses."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import helpers
import pytest
import torch
from click.testing import CliRunner, Result
from warm import QUIET


@pytest.fixture(autouse=True, scope="session")
def threads() -> Iterator[None]:
    """One, for two cores with a runner of tests on each: more would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(int(QUIET["OMP_NUM_THREADS"]))
    yield
    torch.set_num_threads(before)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The command line in this process, in the test's own folder."""
    from lab.cli import main

    monkeypatch.chdir(tmp_path)

    def call(*args: object) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="lab")

    return call


@pytest.fixture
def same_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed source `same`, whose examples are all one picture."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "same_pictures.py").write_text(
        "import numpy as np\n"
        "import lab\n\n\n"
        "@lab.hookimpl\n"
        "def lab_sources():\n"
        "    yield lab.SourceSpec('same', 'One picture', load='same_pictures:load')\n\n\n"
        "def load():\n"
        "    shown = np.full((40, 1, 4, 4), 7, np.uint8)\n"
        "    alone = np.full(40, -1)\n"
        "    return lab.Dataset(shown, np.arange(40) % 2, ('a', 'b'), groups=alone)\n"
    )
    helpers.distribution(site, "same-pictures", {"same-pictures": "same_pictures"})
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
