"""Read the values of options as the command line writes them, and say what is wrong with one."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

from lab.messages import flag

if TYPE_CHECKING:
    from pydantic import BaseModel

LONGEST_SHOWN = 200  # letters of a value in a message
PLAIN = {  # what is wrong, in plainer words than pydantic's
    "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number",
    "int_type": "should be a whole number",
    "float_parsing": "should be a number",
    "float_type": "should be a number",
    "bool_parsing": "should be true or false",
    "dict_type": "should be key=value,...",
}
UNITS = {"k": 1_000, "M": 1_000_000}
COUNT = re.compile(r"([-+]?\d{1,19}(?:\.\d{1,19})?)(?:([kM])|[eE]\+?(\d{1,2}))")
REPEATED = object()
"""Marks a tuple of texts that may hold commas, `Annotated[tuple[str, ...], REPEATED]`: its option
is given once for each of them."""


def parse(model: type[BaseModel], name: str, value: Any) -> Any:
    """Read command-line text for a field: `none`, `a,b` for a tuple, `key=value,...` for a
    mapping, `10k` and `1e5` for a whole number. The rest is pydantic's."""
    field = model.model_fields[name]
    if any(rule is REPEATED for rule in field.metadata) and isinstance(value, str | tuple):
        given = (value,) if isinstance(value, str) else value
        return tuple(item for item in given if item != "")
    if not isinstance(value, str):
        return value
    kinds = unwrap(field.annotation)
    if type(None) in kinds and value.lower() == "none":
        return None
    if any(get_origin(kind) is tuple for kind in kinds):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if any(get_origin(kind) is dict for kind in kinds):
        return parse_pairs(value)
    if int in kinds and set(kinds) <= {int, type(None)}:
        return whole_number(value)
    return value


def whole_number(text: str) -> int | str:
    """Read `10k`, `2M` and `1e5`; other text stays as it is, and so does a fraction."""
    match = COUNT.fullmatch(text.strip())
    if match is None:
        return text
    number = Decimal(match[1]) * UNITS.get(match[2], 1) * 10 ** int(match[3] or 0)
    return int(number) if number == int(number) else text


def parse_pairs(text: str) -> Any:
    """Read `key=value,...`; other text is pydantic's to refuse."""
    parts = [part.partition("=") for part in text.split(",") if part.strip()]
    if not all(sign for _, sign, _ in parts):
        return text
    return {key.strip(): _value(value.strip()) for key, _, value in parts}


def _value(text: str) -> bool | int | float | str:
    """Read a number or `true` and `false`; the rest is text."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return {"true": True, "false": False}.get(text.lower(), text)


def unwrap(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the annotation itself in a 1-tuple."""
    if get_origin(annotation) in (Union, types.UnionType):
        return get_args(annotation)
    return (annotation,)


def in_plain_words(error: Any) -> str:
    """Turn one pydantic error into a line: `--lr -1: should be greater than 0`."""
    option = flag(str(error["loc"][0])) if error["loc"] else "options"
    reason = error["msg"].removeprefix("Input ").removeprefix("Value error, ")
    reason = PLAIN.get(error["type"], reason)
    if error["type"] == "missing":
        return f"{option} is required"
    return f"{option} {_shown(error['input'])}: {reason}" if error["loc"] else reason


def _shown(value: Any) -> str:
    """Return a value as the command line takes it; of an object, which may be large, its type."""
    if isinstance(value, Mapping):
        text = ",".join(f"{key}={item}" for key, item in value.items())
    elif isinstance(value, tuple):
        text = ",".join(map(str, value))
    else:
        plain = isinstance(value, (str, int, float, bool, list, Path, type(None)))
        text = str(value) if plain else f"(a {type(value).__name__})"
    if len(text) > LONGEST_SHOWN:
        return f"(a {type(value).__name__})"
    return text or "''"
