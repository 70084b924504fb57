"""Tell which defaults a model of options does not take itself."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from lab.messages import flag
from lab.options import Options

RANGES = ("greater_than", "less_than", "too_short", "too_long", "multiple_of", "pattern_mismatch")


def mistakes(model: type[Options]) -> list[str]:
    """Return a line for each default that is missing or refused."""
    try:
        model()
    except ValidationError as error:
        return [_plain(item) for item in error.errors()]
    return []


def _plain(item: Any) -> str:
    reason = item["msg"].removeprefix("Input ").removeprefix("Value error, ")
    if not item["loc"]:
        return f"the defaults do not go together: {reason}"
    option = flag(str(item["loc"][0]))
    if item["type"] == "missing":
        return f"{option} has no default: give its Field one"
    by = "range" if any(word in item["type"] for word in RANGES) else "type"
    return f"the default of {option}, {item['input']}, is refused by its own {by}: {reason}"
