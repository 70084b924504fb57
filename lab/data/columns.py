"""Read a column of a table: texts that are numbers, dates or true and false are read as such, other
texts are categories.

Texts are read once each, however many rows hold them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.data import dates
from lab.data.dataset import Array
from lab.data.encoding import UNKNOWN, ColumnType, TableColumn
from lab.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

FIRST_ROWS = 1_000
FEW_VALUES = 20  # of whole numbers: so many different ones are taken for classes
MOSTLY = 0.9  # fraction of texts that read as numbers, from which on the others are mistakes
BOOLEANS = {"true": 1.0, "false": 0.0}
TIMESTAMPS = (1e9, 1e11)  # seconds since 1970 that lie between 2001 and 5138


@dataclass(frozen=True)
class Values:
    """A column as numbers [N], NaN where one is missing, and what they stand for. form: how dates
    are written, "" for all else. note: what a person should know of how it was read, or ""."""

    numbers: Array
    type: ColumnType = "number"
    categories: tuple[str, ...] = ()
    form: str = ""
    note: str = ""


@dataclass(frozen=True)
class Words:
    """The texts of a column, without spaces around them: `different` ones, and which of them each
    row has, int [N], -1 where there is none."""

    different: list[str]
    numbers: Array

    def spread(self, values: Any) -> Array:
        """Return for each row the number that its text stands for [N], NaN where there is none."""
        return np.append(np.asarray(values, np.float64), np.nan)[self.numbers]

    def fraction(self, chosen: Array) -> float:
        """Return which fraction of the rows with a text has one of those that are `chosen`."""
        counts = np.bincount(self.numbers[self.numbers >= 0], minlength=len(self.different))
        return float(counts[chosen].sum() / counts.sum())

    def first(self, chosen: Array) -> tuple[int, str]:
        """Return the first row that has one of the texts that are `chosen`, and that text."""
        row = int(np.append(chosen, False)[self.numbers].argmax())
        return row, self.different[self.numbers[row]]


def words_of(series: pd.Series[Any]) -> Words:
    import pandas as pd

    try:
        numbers, found = pd.factorize(series)
    except TypeError:  # lists, say
        numbers, found = pd.factorize(series.map(str, na_action="ignore"))
    texts = np.array([text_of(value).strip() or None for value in found], dtype=object)
    again, different = pd.factorize(texts)
    return Words(list(different), np.append(again, -1)[numbers])


def text_of(value: Any) -> str:
    """Return a value as text: 3, not 3.0, where missing ones made whole numbers floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def is_text(series: pd.Series[Any]) -> bool:
    from pandas.api import types

    return bool(types.is_string_dtype(series))


def is_number(series: pd.Series[Any]) -> bool:
    from pandas.api import types

    return bool(types.is_numeric_dtype(series) and not types.is_bool_dtype(series))


def read(series: pd.Series[Any], title: str, name: str) -> Values:
    """Return what a column holds. Raises UsageError for a text among numbers, and for a date that
    is none."""
    return _typed(series) or _read_words(words_of(series), title, name)


def read_as(series: pd.Series[Any], column: TableColumn, name: str) -> Array:
    """Return the numbers [N] of a column that holds what `column` of another table did; UNKNOWN for
    categories that it did not have. Raises UsageError where it holds something else."""
    if column.type == "category":
        words = words_of(series)
        codes = {category: float(code) for code, category in enumerate(column.categories)}
        return words.spread([codes.get(word, UNKNOWN) for word in words.different])
    values = _typed(series)
    if values is None:
        words = words_of(series)
        if column.type == "date" and words.different:
            return _days(words, column.form, column.name, name)
        if column.type == "number":
            return _numbers(words, column.name, name)
        values = _read_words(words, column.name, name)
    if values.type != column.type and not np.isnan(values.numbers).all():
        raise UsageError(f"{name}: {column.name} holds {values.type} values, not {column.type}")
    return values.numbers


def _typed(series: pd.Series[Any]) -> Values | None:
    """Return what a column holds whose type says it; None where texts are to be looked at."""
    from pandas.api import types

    if types.is_bool_dtype(series) and not types.is_object_dtype(series):
        return Values(_floats(series), "boolean")
    if types.is_numeric_dtype(series):
        return Values(_floats(series))
    if types.is_datetime64_any_dtype(series):
        return Values(dates.days_of_times(series), "date", form=dates.ISO)
    return None


def _floats(series: pd.Series[Any]) -> Array:
    if isinstance(series.dtype, np.dtype):
        return np.array(series.to_numpy(np.float64))  # a copy: pandas lends it read-only
    return np.asarray(series.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan))


def _read_words(words: Words, title: str, name: str) -> Values:
    if not words.different:
        return Values(np.full(len(words.numbers), np.nan))
    fine = ~np.isnan(_parsed(words))
    if fine.all() or words.fraction(fine) >= MOSTLY:
        mend = "Mend it, or say that it is missing: --data-args na="
        return Values(_numbers(words, title, name, mend))
    lowered = [word.lower() for word in words.different]
    if set(lowered) <= set(BOOLEANS):
        return Values(words.spread([BOOLEANS[word] for word in lowered]), "boolean")
    form = dates.form_of(words.different)
    if form:
        return Values(_days(words, form, title, name), "date", form=form)
    categories = tuple(sorted(words.different))
    codes = {category: code for code, category in enumerate(categories)}
    numbers = words.spread([codes[word] for word in words.different])
    note = "" if form is None else _ambiguous(title, words.different[0])
    return Values(numbers, "category", categories, note=note)


def _parsed(words: Words) -> Array:
    """Return the number that each text is, NaN where it is none."""
    import pandas as pd

    texts = pd.Series(words.different, dtype=object)
    return np.asarray(pd.to_numeric(texts, errors="coerce"), np.float64)


def _numbers(words: Words, title: str, name: str, mend: str = "") -> Array:
    """Return the numbers [N] of a column that holds nothing else; `mend` says what to do with a
    text, which follows it."""
    parsed = _parsed(words)
    if np.isnan(parsed).any():
        row, text = words.first(np.isnan(parsed))
        advice = mend + text if mend else "Write a number, or nothing where it is missing"
        raise UsageError(f"{name}: {title} holds numbers, but {text!r} in row {row}. {advice}")
    return words.spread(parsed)


def _days(words: Words, form: str, title: str, name: str) -> Array:
    days = dates.days_of(words.different, form)
    if np.isnan(days).any():
        row, text = words.first(np.isnan(days))
        raise UsageError(
            f"{name}: {title} holds dates ({dates.example(form)}), but {text!r} in row {row}"
        )
    return words.spread(days)


def _ambiguous(title: str, text: str) -> str:
    return (
        f"{title!r} looks like dates, but whether {text} gives the day or the month first cannot "
        "be told: write them as 2024-12-31"
    )


def notes_of(title: str, values: Values) -> list[str]:
    """Return what a person should know of a column that is learned from."""
    present = values.numbers[np.isfinite(values.numbers)]
    told = [values.note] if values.note else []
    if not len(present):
        return [f"{title!r} is empty: nothing is learned from it"]
    if (present == present[0]).all():
        return [*told, f"{title!r} is constant: nothing is learned from it"]
    if values.type != "number" or not _whole(present):
        return told
    low, high = TIMESTAMPS
    if low <= present.min() and present.max() <= high:
        return [f"{title!r} looks like a time in seconds: drop={title} leaves it out"]
    if len(present) > FEW_VALUES and (np.abs(np.diff(present)) == 1).all():
        return [f"{title!r} looks like an identifier: drop={title} leaves it out"]
    return []


def _whole(values: Array) -> bool:
    first = values[:FIRST_ROWS]  # where most columns of other numbers show themselves
    return bool((first == np.floor(first)).all() and (values == np.floor(values)).all())
