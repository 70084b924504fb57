"""Hold the files that `lab new` writes: for each kind a complete plugin that keeps the contract."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from lab.templates import package
from lab.templates.template import Template


def template(kind: str) -> Template:
    """Return the template of a kind."""
    loaded: Template = importlib.import_module(f"lab.templates.{kind}").TEMPLATE
    return loaded


def files(kind: str, name: str, version: str) -> Mapping[str, str]:
    """Return the files of a plugin by path."""
    return package.files(kind, template(kind), name, version)
