"""Read dates as people write them: ISO 8601, 31.12.2024, and 12/31/2024 where it tells itself."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.data.dataset import Array

if TYPE_CHECKING:
    import pandas as pd

ISO = "ISO8601"  # as pandas calls it
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")
DATE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2\d{4}( \d{1,2}:\d\d(:\d\d)?)?")
YEAR_FIRST = re.compile(r"\d{4}([./])\d{1,2}\1\d{1,2}( \d{1,2}:\d\d(:\d\d)?)?")
DAY = 86_400.0  # seconds
MONTHS = 12


def form_of(texts: Sequence[str]) -> str | None:
    """Return how dates are written: ISO, or in the words of `strptime` without a time, %d.%m.%Y;
    "" where day and month cannot be told from each other, None where texts are no dates.

    A number above 12 tells the day, a point as in 31.12.2024 that it comes first.
    """
    if all(map(ISO_DATE.fullmatch, texts)):
        return ISO
    years = [YEAR_FIRST.fullmatch(text) for text in texts]
    if all(years):
        marks = {match[1] for match in years if match}
        return f"%Y{(mark := marks.pop())}%m{mark}%d" if len(marks) == 1 else None
    matches = [match for match in map(DATE.fullmatch, texts) if match]
    marks = {match[2] for match in matches}
    if len(matches) < len(texts) or len(marks) != 1:
        return None
    return _order(matches, marks.pop())


def _order(matches: Sequence[re.Match[str]], mark: str) -> str | None:
    first, second = (max(int(match[number]) for match in matches) for number in (1, 3))
    if second <= MONTHS < first or (mark == "." and second <= MONTHS):
        return f"%d{mark}%m{mark}%Y"
    if first <= MONTHS < second:
        return f"%m{mark}%d{mark}%Y"
    return "" if max(first, second) <= MONTHS else None


def days_of(texts: Sequence[str], form: str) -> Array:
    """Return the days since 1970-01-01 of dates [N] in ISO 8601 or another form, NaN where one is
    neither."""
    iso = np.array([form == ISO or ISO_DATE.fullmatch(text) is not None for text in texts])
    days = np.empty(len(texts))
    days[iso] = _iso_days([text for text, is_iso in zip(texts, iso, strict=True) if is_iso])
    days[~iso] = _days([text for text, is_iso in zip(texts, iso, strict=True) if not is_iso], form)
    return days


def _iso_days(texts: Sequence[str]) -> Array:
    import pandas as pd

    series = pd.Series(texts, dtype=object)
    return days_of_times(pd.to_datetime(series, format=ISO, utc=True, errors="coerce"))


def _days(texts: Sequence[str], form: str) -> Array:
    import pandas as pd

    parts = [text.partition(" ") for text in texts]
    days = pd.Series([day for day, _, _ in parts], dtype=object)
    clocks = pd.Series([_clock(clock) for _, _, clock in parts], dtype=object)
    hours = pd.to_timedelta(clocks, errors="coerce").dt.total_seconds() / DAY
    days = pd.to_datetime(days, format=form, errors="coerce")
    return days_of_times(days) + np.asarray(hours, np.float64)


def _clock(text: str) -> str:
    return text + ":00" if text.count(":") < 2 and text else text or "0:00:00"


def days_of_times(times: pd.Series[Any]) -> Array:
    """Return the days since 1970-01-01 of a column of pandas' own times [N]."""
    import pandas as pd

    start = pd.Timestamp(0, tz=getattr(times.dt, "tz", None))
    return np.asarray((times - start).dt.total_seconds() / DAY, np.float64)


def iso_date(days: float) -> str:
    """Return the date of a number of days since 1970-01-01, without its time."""
    return str(np.datetime64(math.floor(days), "D"))


def example(form: str) -> str:
    """Return the last day of 2024 as a form writes it."""
    if form == ISO:
        return "2024-12-31"
    return form.replace("%d", "31").replace("%m", "12").replace("%Y", "2024")
