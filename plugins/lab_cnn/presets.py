"""Tuned options by source and architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # Finishes in seconds and clearly improves: for tests and a first look.
    "tiny": {"data": "digits", "arch": "simple", "width": 0.5, "budget": 4_000, "lr": 3e-3},
}
