"""Describe what differs between the plugins of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """What a plugin of one kind is made of. `{{name}}` and `{{package}}` stand for its own.

    what: a few words, for pyproject.toml. about: what it does, for the README.
    tries: a command that uses it -> what that does. files: module -> its text.
    holds: module -> what it holds, for the README.
    """

    what: str
    about: str
    tries: Mapping[str, str]
    files: Mapping[str, str]
    holds: Mapping[str, str]


def filled(text: str, **values: str) -> str:
    """Return a text with `{{key}}` replaced by each value."""
    for key, value in values.items():
        text = text.replace(f"{{{{{key}}}}}", value)
    return text
