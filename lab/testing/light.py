"""Tell which libraries are too heavy for what only looks around."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import packages_distributions

from lab.storage.provenance import requirements

LIGHT = frozenset({"click", "packaging", "pluggy", "pydantic", "pyyaml"})  # every start needs them


@cache
def heavy() -> frozenset[str]:
    """Return the modules of all that the lab needs, but for those of `LIGHT`.

    Of a distribution with a module of its own name (torch), that one stands for all.
    """
    required = {_normal(name) for name in requirements()} - LIGHT
    installed = packages_distributions()
    return frozenset(
        module
        for module, distributions in installed.items()
        for name in required & {_normal(name) for name in distributions}
        if name == module or name not in installed
    )


def _normal(distribution: str) -> str:
    """Return a distribution's name as all its spellings have it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", distribution).lower()
