"""Options for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    # The one method that draws, on a source whose training split is a little over the budget.
    "tiny": {"data": "iris", "algo": "forest", "trees": 10, "budget": 100},
}
