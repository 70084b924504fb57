"""Read a table, a pandas DataFrame, as examples: which column is predicted, and what others hold.

Texts that are numbers, dates or true and false are read as such; other texts are categories.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.data.dataset import Array, Dataset
from lab.data.encoding import UNKNOWN, ColumnType, TableColumn
from lab.errors import UsageError
from lab.messages import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

MOST_CATEGORIES = 50  # of a column that is one-hot
MOST_CLASSES = 1_000
FEW_VALUES = 20  # of whole numbers: so many different ones are taken for classes
MOSTLY = 0.9  # fraction of texts that read as numbers, from which on the others are mistakes
MOST_NAMED = 8  # columns in a message
BOOLEANS = {"true": 1.0, "false": 0.0}
DATE = re.compile(  # ISO 8601
    r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"
)
DAY = 86_400.0  # seconds
TIMESTAMPS = (1e9, 1e11)  # seconds since 1970 that lie between 2001 and 5138
TARGETS = ("target", "label", "class", "y", "outcome")  # what tables call what is predicted


@dataclass(frozen=True)
class _Values:
    """A column as numbers [N], NaN where one is missing, and what they stand for."""

    numbers: Array
    type: ColumnType = "number"
    categories: tuple[str, ...] = ()


def from_frame(
    frame: pd.DataFrame,
    name: str,
    *,
    target: str = "",
    task: str = "auto",
    drop: Sequence[str] = (),
    test: Array | None = None,
    eval: Array | None = None,
) -> Dataset:
    """Return the examples of a table of N rows.

    target: the column to predict; without it one that is called so (`target`, `label`, `class`,
    `y`, `outcome`), or the last. task: classify, regress, or what `task_of` says of the target.
    drop: columns to leave out; texts with too many different values are left out by themselves.
    test, eval: bool [N], rows to test on, and for selection. Rows without a target are listed as
    bad.

    Raises UsageError for columns that do not exist or hold nothing to learn from.
    """
    frame = frame.rename(columns=str)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise UsageError(f"{name} has two columns called {twice!r}")
    chosen, notes = choose_target(list(frame.columns), target, name)
    check_columns(list(frame.columns), drop, name)
    features = [column for column in frame.columns if column != chosen and column not in drop]
    labels = _texts(frame[chosen]) if _is_text(frame[chosen]) else frame[chosen]
    labels = labels.reset_index(drop=True)
    columns, inputs, more = read_columns(frame[features].reset_index(drop=True), name)
    bad = _bad(inputs, columns, labels, chosen)
    kept = np.setdiff1d(np.arange(len(inputs)), list(bad))
    classes, targets = read_target(labels.iloc[kept], chosen, task, name)
    return Dataset(
        inputs[kept],
        targets,
        classes,
        None if test is None else test[kept],
        None if eval is None else eval[kept],
        features=tuple(column.name for column in columns),
        bad=tuple(f"row {row}: {why}" for row, why in sorted(bad.items())),
        columns=columns,
        target=(chosen,),
        notes=(*notes, *more),
    )


def as_frame(values: Any, names: Sequence[str] = ()) -> pd.DataFrame:
    """Return a DataFrame of any library, mappings, or rows with `names`, as one of pandas."""
    import pandas as pd

    if isinstance(values, pd.DataFrame):
        return values.rename(columns=str)
    if hasattr(values, "columns"):  # without pyarrow, which polars' own conversion needs
        columns = {str(name): values[name] for name in values.columns}
        return pd.DataFrame(
            {n: c.to_list() if hasattr(c, "to_list") else np.asarray(c) for n, c in columns.items()}
        )
    try:
        return pd.DataFrame(values, columns=list(names) or None)
    except ValueError as error:
        raise UsageError(f"these are no rows of a table: {error}") from error


def choose_target(columns: Sequence[str], target: str, name: str) -> tuple[str, list[str]]:
    """Return the column to predict, and what to say of it where nobody chose it."""
    if target:
        check_columns(columns, [target], name)
        return target, []
    by_name = [column for column in columns if column.lower() in TARGETS]
    chosen = by_name[0] if len(by_name) == 1 else columns[-1]
    why = "for its name" if len(by_name) == 1 else "the last column"
    others = _listed([column for column in columns if column != chosen])
    return chosen, [f"The target is {chosen!r}, {why}; target=COLUMN chooses another: {others}"]


def check_columns(columns: Sequence[str], wanted: Sequence[str], name: str) -> None:
    """Raise UsageError for a column that the table does not have."""
    for column in wanted:
        if column not in columns:
            hint = did_you_mean(column, columns)
            raise UsageError(f"{name} has no column {column!r}.{hint} It has: {_listed(columns)}")


def task_of(labels: pd.Series[Any], name: str) -> str:
    """Return what a target is for: numbers are regressed, texts, booleans and few different whole
    numbers are classes."""
    values = _read(labels.dropna().reset_index(drop=True), str(labels.name), name)
    if values.type != "number":
        return "classify"
    whole = bool(np.all(np.mod(values.numbers, 1) == 0))
    return "classify" if whole and len(np.unique(values.numbers)) <= FEW_VALUES else "regress"


def encode_frame(
    frame: pd.DataFrame, columns: Sequence[TableColumn], name: str
) -> tuple[Array, dict[str, int]]:
    """Return rows of a table as numbers [N, F], read as `from_frame` read `columns` of another one,
    and how many values of each column are categories that were not in that one.

    Raises UsageError for a column that is absent, and for texts where numbers are.
    """
    absent = [column.name for column in columns if column.name not in frame.columns]
    if absent:
        raise UsageError(f"{name} lacks columns that the run learned from: {_listed(absent)}")
    inputs, unknown = np.empty((len(frame), len(columns))), {}
    for number, column in enumerate(columns):
        series = frame[column.name].reset_index(drop=True)
        inputs[:, number] = _encode(series, column, name)
        count = int((inputs[:, number] == UNKNOWN).sum()) if column.type == "category" else 0
        if count:
            unknown[column.name] = count
    return inputs, unknown


def _encode(series: pd.Series[Any], column: TableColumn, name: str) -> Array:
    if column.type == "category":
        texts = _texts(series)
        codes = {category: float(code) for code, category in enumerate(column.categories)}
        known = texts.map(codes).astype("float64").to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isnan(known) & texts.notna().to_numpy(), UNKNOWN, known)
    values = _read(series, column.name, name, numbers=column.type == "number")
    if values.type != column.type and not np.isnan(values.numbers).all():
        raise UsageError(f"{name}: {column.name} holds {values.type} values, not {column.type}")
    return values.numbers


def _bad(
    inputs: Array, columns: Sequence[TableColumn], labels: pd.Series[Any], target: str
) -> dict[int, str]:
    """Return the rows that nothing can be learned from, by number, and why."""
    bad = {}
    for row, number in zip(*np.nonzero(np.isinf(inputs)), strict=True):
        bad[int(row)] = f"{columns[number].name} is {inputs[row, number]}"
    for row in np.flatnonzero(labels.isna().to_numpy()):
        bad[int(row)] = f"its {target} is missing"
    return bad


def read_columns(
    frame: pd.DataFrame, name: str
) -> tuple[tuple[TableColumn, ...], Array, list[str]]:
    """Return what the columns of a table hold, their values [N, F], and what to say of them. Texts
    with too many different values are left out.

    Raises UsageError where no column is left.
    """
    columns, blocks, notes = [], [], []
    for title in frame.columns:
        values = _read(frame[title].reset_index(drop=True), title, name)
        if len(values.categories) > MOST_CATEGORIES:
            number = len(values.categories)
            notes.append(f"{title!r} is left out: {number:,} different texts, not categories")
            continue
        columns.append(TableColumn(title, values.type, values.categories))
        blocks.append(values.numbers)
        notes += _notes(title, values)
    if not columns:
        raise UsageError(f"{name}: no column is left to learn from beside the target")
    inputs = np.stack(blocks, axis=1)
    return tuple(columns), inputs, notes + _repeated(columns, inputs)


def read_target(
    labels: pd.Series[Any], title: str, task: str, name: str
) -> tuple[tuple[str, ...], Array]:
    """Return the names of the classes and the class of each row [N], or no names and values
    [N, 1]."""
    task = task_of(labels, name) if task == "auto" else task
    labels = labels.reset_index(drop=True)
    if task == "regress":
        values = _read(labels, title, name)
        if values.type == "category":
            raise UsageError(f"{name}: {title} holds texts, no numbers; say task=classify")
        return (), values.numbers[:, None]
    names = _class_names(labels)
    if len(names) > MOST_CLASSES or (
        _is_number(labels) and len(names) > FEW_VALUES and len(names) > len(labels) / 2
    ):
        hint = "say task=regress" if _is_number(labels) else "too many to be classes"
        raise UsageError(f"{name}: {title} holds {len(names):,} different values; {hint}")
    codes = {value: code for code, value in enumerate(names)}
    return tuple(map(_text, names)), labels.map(codes).to_numpy(dtype=np.int64)


def _class_names(labels: pd.Series[Any]) -> list[Any]:
    if hasattr(labels, "cat"):
        return [value for value in labels.cat.categories if (labels == value).any()]
    return sorted(labels.unique().tolist(), key=lambda value: (isinstance(value, str), value))


def _text(value: Any) -> str:
    """Return the name of a class: 3, not 3.0, where missing labels made whole numbers floats."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_number(series: pd.Series[Any]) -> bool:
    from pandas.api import types

    return bool(types.is_numeric_dtype(series) and not types.is_bool_dtype(series))


def _read(series: pd.Series[Any], title: str, name: str, numbers: bool = False) -> _Values:
    """Return what a column holds; `numbers` says that it is to hold numbers."""
    from pandas.api import types

    if types.is_bool_dtype(series) and not types.is_object_dtype(series):
        return _Values(_floats(series), "boolean")
    if types.is_numeric_dtype(series):
        return _Values(_floats(series))
    if types.is_datetime64_any_dtype(series):
        return _Values(_days(series), "date")
    return _read_texts(_texts(series), title, name, numbers)


def _read_texts(texts: pd.Series[Any], title: str, name: str, numbers: bool) -> _Values:
    import pandas as pd

    present = texts.dropna()
    if not len(present):
        return _Values(np.full(len(texts), np.nan))
    parsed = pd.to_numeric(present, errors="coerce")
    read = parsed.notna().mean()
    if read == 1:
        return _Values(_floats(pd.to_numeric(texts)))
    if read >= MOSTLY or numbers:
        row = int(parsed.index[parsed.isna()][0])
        mend = (
            "Write a number, or nothing where it is missing"
            if numbers
            else f"Mend it, or say that it is missing: na={present[row]}"
        )
        raise UsageError(
            f"{name}: {title} holds numbers, but {present[row]!r} in row {row}. {mend}"
        )
    if set(present.str.lower().unique()) <= set(BOOLEANS):
        return _Values(_floats(texts.str.lower().map(BOOLEANS)), "boolean")
    if present.str.fullmatch(DATE.pattern).all():
        return _Values(_days(pd.to_datetime(texts, format="ISO8601", utc=True)), "date")
    categories = tuple(sorted(present.unique().tolist()))
    codes = {category: float(code) for code, category in enumerate(categories)}
    return _Values(_floats(texts.map(codes)), "category", categories)


def _texts(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as texts without spaces around them, NA where there is none."""
    if not _is_text(series):
        series = series.astype("object").map(_text, na_action="ignore")
    texts = series.astype("string").str.strip()
    return texts.mask(texts == "")


def _is_text(series: pd.Series[Any]) -> bool:
    from pandas.api import types

    return bool(types.is_string_dtype(series))


def _floats(series: pd.Series[Any]) -> Array:
    values = series.astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(values)


def _days(series: pd.Series[Any]) -> Array:
    import pandas as pd

    start = pd.Timestamp(0, tz=getattr(series.dt, "tz", None))
    return np.asarray((series - start).dt.total_seconds() / DAY, np.float64)


def _notes(title: str, values: _Values) -> list[str]:
    present = values.numbers[~np.isnan(values.numbers)]
    if not len(present):
        return [f"{title!r} is empty: nothing is learned from it"]
    if (present == present[0]).all():
        return [f"{title!r} is constant: nothing is learned from it"]
    if values.type != "number" or not np.all(np.mod(present, 1) == 0):
        return []
    low, high = TIMESTAMPS
    if low <= present.min() and present.max() <= high:
        return [f"{title!r} looks like a time in seconds: drop={title} leaves it out"]
    if len(present) > FEW_VALUES and (np.abs(np.diff(present)) == 1).all():
        return [f"{title!r} looks like an identifier: drop={title} leaves it out"]
    return []


def _repeated(columns: Sequence[TableColumn], inputs: Array) -> list[str]:
    """Return a line for each column that equals an earlier one."""
    seen: dict[bytes, str] = {}
    notes = []
    for column, values in zip(columns, inputs.T, strict=True):
        first = seen.setdefault(np.ascontiguousarray(values).tobytes(), column.name)
        if first != column.name:
            notes.append(f"{column.name!r} repeats {first!r}")
    return notes


def _listed(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - MOST_NAMED} more" if len(columns) > MOST_NAMED else ""
    return ", ".join(columns[:MOST_NAMED]) + more
