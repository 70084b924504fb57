"""Import what the extra `[data]` brings."""

from __future__ import annotations

import importlib
from typing import Any

import lab


def needs(module: str, source: str) -> Any:
    """Import a module for a source. Raises NotInstalled, which says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise lab.NotInstalled(
            f"{source} needs an extra: pip install 'rl-gen-lab[data]' ({error})"
        ) from error
