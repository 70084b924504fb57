"""The facades offer each public name, whichever file was imported first."""

from __future__ import annotations

import importlib
import sys

import helpers
import pytest

import lab
from lab import environments, generative, metrics, nn, optim, sequence, supervised, tokenizers

LAZY = (lab, environments, generative, metrics, nn, optim, sequence, supervised, tokenizers)
NAMES = [(package, name) for package in LAZY for name in package._HOME]


@pytest.mark.parametrize(
    ("package", "name"), NAMES, ids=lambda value: getattr(value, "__name__", value)
)
def test_every_name_is_there(package, name) -> None:
    assert getattr(importlib.import_module(package._HOME[name]), name) is getattr(package, name)
    assert name in dir(package)


@pytest.mark.parametrize("package", LAZY[1:])
def test_no_name_is_that_of_a_file(package) -> None:
    """Or the import of the file would put the module in the place of the name."""
    assert not set(package._HOME) & {home.rpartition(".")[2] for home in package._HOME.values()}


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trainer'"):
        _ = optim.trainer


@pytest.mark.parametrize("package", [module.__name__ for module in LAZY])
def test_dir_lists_the_names_without_loading_them(tmp_path, package) -> None:
    code = f"import sys, {package}; dir({package})\nprint('torch' in sys.modules)"
    child = helpers.run_child([sys.executable, "-c", code], tmp_path, helpers.child_environment())
    assert child.stdout.strip() == "False", child.stderr
