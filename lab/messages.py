"""Phrase the parts that messages have in common."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

MOST_LISTED = 8  # names in a message
LONGEST_SLUG = 100  # characters: names of files have 255 bytes, and hold more than one slug


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """Return ` Did you mean 'x'?`, or an empty string where nothing is close."""
    near = get_close_matches(word, list(candidates), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def flag(name: str, off: bool = False) -> str:
    """Return the command-line flag of an option: `--batch-size` of `batch_size`, `--class` of
    `class_`, a word that Python keeps for itself."""
    return ("--no-" if off else "--") + name.rstrip("_").replace("_", "-")


def count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 run`, `2,000 runs`; `plural` where that has no s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str]) -> str:
    """Return names with commas between, cut after MOST_LISTED: `a, b and 3 more`."""
    more = f" and {len(names) - MOST_LISTED:,} more" if len(names) > MOST_LISTED else ""
    return ", ".join(names[:MOST_LISTED]) + more


def slug(text: str) -> str:
    """Return `text` as one safe path component, cut to LONGEST_SLUG: letters, digits, `.`, `_` and
    `-`."""
    words = re.sub(r"[^A-Za-z0-9._]+", "-", text)[:LONGEST_SLUG]
    return words.strip("-.") or "run"


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message, or its type where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def describe(error: BaseException) -> str:
    """Name an unexpected exception and where it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    if frames and frames[-1].filename.startswith("<"):  # of the import system: it says nothing
        frames.clear()
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {first_line(error)}{where}"


def duration(seconds: float) -> str:
    """Return seconds in readable units: `8.3 s`, `4 min 05 s`, `2 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
