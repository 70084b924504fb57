"""What docs/data.md says of the sources and options is so."""

from __future__ import annotations

import re

import helpers
import pytest

from lab.data.options import AUGMENTATIONS
from lab.plugins import discover
from lab.spec import import_object

PAGE = (helpers.ROOT / "docs" / "data.md").read_text()
SOURCES = [s for s in discover().sources().values() if s.load.startswith("lab_sources")]


def row(name: str) -> str:
    match = re.search(rf"^\|.*`{re.escape(name)}`.*$", PAGE, re.MULTILINE)
    assert match, f"docs/data.md has no row for {name}"
    return match[0]


@pytest.mark.parametrize("spec", SOURCES, ids=lambda spec: spec.name)
def test_every_source_stands_in_the_table_with_its_options(spec) -> None:
    line = row(f"{spec.name}:{spec.argument}" if spec.argument else spec.name)
    for option in import_object(spec.options).model_fields if spec.options else ():
        assert f"`{option}`" in line, (spec.name, option)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_augmentation_stands_in_the_table(name) -> None:
    assert row(name)
