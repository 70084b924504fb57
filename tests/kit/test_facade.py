"""The facade offers each public name, whichever file was imported first."""

from __future__ import annotations

import importlib
import sys

import helpers
import pytest

from lab import kit


@pytest.mark.parametrize("name", kit.__all__)
def test_every_name_is_there(name) -> None:
    value = getattr(kit, name)
    assert getattr(importlib.import_module(f"lab.kit.{kit._HOME[name]}"), name) is value


def test_no_name_is_that_of_a_file() -> None:
    """Or the import of the file would put the module in the place of the name."""
    assert not set(kit.__all__) & set(kit._HOME.values())


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trainer'"):
        _ = kit.trainer


def test_dir_lists_the_names_without_loading_them(tmp_path) -> None:
    code = "import sys; from lab import kit; dir(kit); print('torch' in sys.modules)"
    child = helpers.run_child([sys.executable, "-c", code], tmp_path, helpers.child_environment())
    assert child.stdout.strip() == "False", child.stderr
