"""Write dates in many ways, which are to be told as ISO 8601 does."""

from __future__ import annotations

import string
from collections.abc import Mapping
from datetime import date

import numpy as np

import lab
from lab_sources import token_rows

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
TEMPLATES = (
    "{day} {month} {year}", "{month} {day}, {year}", "{day} {mon} {year}", "{mon} {day}, {year}",
    "{dd}.{mm}.{year}", "{day}.{m}.{year}", "{year}/{mm}/{dd}", "{dd}-{mon}-{year}",
    "{ordinal} of {month} {year}", "{month} the {ordinal}, {year}", "{ordinal} {mon} {year}",
    "{weekday}, {day} {month} {year}", "{weekday} {mon} {dd} {year}", "{year} {month} {day}",
    "the {ordinal} of {month}, {year}", "{day} {month}, {year}",
)  # fmt: skip
HELD_OUT = (  # whose parts training shows in others
    "{weekday}, {month} {day}, {year}", "the {ordinal} of {mon} {year}", "{year} {mon} {dd}",
    "{weekday} the {ordinal} of {month} {year}",
)  # fmt: skip
LETTERS = token_rows.vocabulary((*MONTHS, *WEEKDAYS, string.digits, "the of st nd rd th", ",./-"))
DIGITS = token_rows.vocabulary((string.digits, "-"))
FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)


def dates(n: int, seed: int) -> lab.Dataset:
    """Return dates of 1900 to 2099 as characters int [n, T], and in ISO 8601 int [n, 11].

    A fifth are written in four ways that training never shows, to be tested on; the other sixteen
    ways hold the same parts. factors: template [n], its number among TEMPLATES, then HELD_OUT; day
    [n], since the first of January 1900.
    """
    rng = np.random.default_rng(seed)
    test = np.arange(n) % 5 == 0
    template = np.where(
        test,
        len(TEMPLATES) + rng.integers(0, len(HELD_OUT), n),
        rng.integers(0, len(TEMPLATES), n),
    )
    days = rng.integers(0, LAST.toordinal() - FIRST.toordinal() + 1, n)
    drawn = [date.fromordinal(FIRST.toordinal() + day) for day in days.tolist()]
    ways = (*TEMPLATES, *HELD_OUT)
    written = [ways[way].format_map(_parts(day)) for way, day in zip(template, drawn, strict=True)]
    iso = [day.isoformat() for day in drawn]
    return lab.Dataset(
        token_rows.rows(written, LETTERS),
        token_rows.rows(iso, DIGITS, ends=True),
        test=test,
        factors={"template": template, "day": days},
        vocabulary=LETTERS,
        target_vocabulary=DIGITS,
    )


def _parts(day: date) -> Mapping[str, str]:
    """Return what templates are filled with. English names, whatever language the machine has."""
    month = MONTHS[day.month - 1]
    return {
        "day": str(day.day),
        "dd": f"{day.day:02}",
        "ordinal": _ordinal(day.day),
        "month": month,
        "mon": month[:3],
        "m": str(day.month),
        "mm": f"{day.month:02}",
        "year": str(day.year),
        "weekday": WEEKDAYS[day.weekday()],
    }


def _ordinal(number: int) -> str:
    teens = number // 10 == 1
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"
