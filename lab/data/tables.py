"""Read a table, a pandas DataFrame, as examples: what is predicted, and from what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.data import columns as reading
from lab.data.columns import FEW_VALUES, is_number, is_text, text_of, words_of
from lab.data.dataset import Array, Dataset
from lab.data.encoding import UNKNOWN, TableColumn
from lab.errors import UsageError
from lab.messages import did_you_mean, listed

if TYPE_CHECKING:
    import pandas as pd

MOST_CATEGORIES = 50  # of a column that is one-hot
MOST_CLASSES = 1_000
FIRST_ROWS = 1_000
LARGEST = float(np.finfo(np.float32).max)  # that networks can read
MOST_NOTES = 3  # in an error
DECIMAL = re.compile(r"[-+]?\d*\.\d+")
TARGETS = ("target", "label", "class", "y", "outcome")  # what tables call what is predicted


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
    labels = _labels(frame[chosen]).reset_index(drop=True)
    columns, inputs, more = read_columns(frame, features, name)
    bad = _bad(inputs, columns, labels, chosen)
    kept: Any = slice(None)  # no copy of a large table of which all is fine
    if bad:
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
        notes=(*notes, *more, *_doubtful(list(frame.columns), classes)),
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
    others = listed([column for column in columns if column != chosen])
    return chosen, [f"The target is {chosen!r}, {why}; target=COLUMN chooses another: {others}"]


def check_columns(columns: Sequence[str], wanted: Sequence[str], name: str) -> None:
    """Raise UsageError for a column that the table does not have."""
    for column in wanted:
        if column not in columns:
            hint = did_you_mean(column, columns)
            raise UsageError(f"{name} has no column {column!r}.{hint} It has: {listed(columns)}")


def task_of(labels: pd.Series[Any], name: str) -> str:
    """Return what a target is for: numbers are regressed, texts, booleans and few different whole
    numbers are classes."""
    values = reading.read(labels.dropna().reset_index(drop=True), str(labels.name), name)
    if values.type != "number":
        return "classify"
    whole = bool((values.numbers == np.floor(values.numbers)).all())
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
        raise UsageError(f"{name} lacks columns that the run learned from: {listed(absent)}")
    inputs, unknown = np.empty((len(frame), len(columns))), {}
    for number, column in enumerate(columns):
        series = frame[column.name].reset_index(drop=True)
        inputs[:, number] = reading.read_as(series, column, name)
        count = int((inputs[:, number] == UNKNOWN).sum()) if column.type == "category" else 0
        if count:
            unknown[column.name] = count
    return inputs, unknown


def _doubtful(names: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Return a line on column names that look like values, and on classes that differ in case."""
    notes = [f"{name!r} is the name of a column: is the line of names missing?"
             for name in names if DECIMAL.fullmatch(name)][:1]  # fmt: skip
    seen: dict[str, str] = {}
    for label in classes:
        first = seen.setdefault(label.casefold().strip(), label)
        if first != label:
            notes.append(f"{first!r} and {label!r} are two classes")
    return notes


def _bad(
    inputs: Array, columns: Sequence[TableColumn], labels: pd.Series[Any], target: str
) -> dict[int, str]:
    """Return the rows that nothing can be learned from, by number, and why."""
    bad = {}
    too_large = (inputs > LARGEST) | (inputs < -LARGEST)  # no copy of a large table
    for row, number in zip(*np.nonzero(too_large), strict=True):
        bad[int(row)] = f"{columns[number].name} is {inputs[row, number]:g}"
    for row in np.flatnonzero(labels.isna().to_numpy()):
        bad[int(row)] = f"its {target} is missing"
    return bad


def _labels(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return the column to predict; of texts, without spaces around them, None where is none."""
    import pandas as pd

    if not is_text(series):
        return series
    words = words_of(series)
    texts = np.array([*words.different, None], dtype=object)
    return pd.Series(texts[words.numbers], dtype=object)


def read_columns(
    frame: pd.DataFrame, features: Sequence[str], name: str
) -> tuple[tuple[TableColumn, ...], Array, list[str]]:
    """Return what the columns hold, their values [N, F], and what to say of them. Texts with too
    many different values are left out.

    Raises UsageError where no column is left.
    """
    columns: list[TableColumn] = []
    inputs, notes = np.empty((len(frame), len(features))), []
    for title in features:
        values = reading.read(frame[title].reset_index(drop=True), title, name)
        notes += reading.notes_of(title, values)
        if len(values.categories) > MOST_CATEGORIES:
            number, first = len(values.categories), values.categories[0]
            notes.append(
                f"{title!r} is left out: {number:,} different texts as {first!r}, neither numbers "
                "nor categories"
            )
            continue
        inputs[:, len(columns)] = values.numbers
        columns.append(TableColumn(title, values.type, values.categories, values.form))
    if not columns:
        left_out = "".join(f"; {note}" for note in notes[:MOST_NOTES])
        raise UsageError(f"{name}: no column is left to learn from beside the target{left_out}")
    if len(columns) < len(features):
        inputs = np.ascontiguousarray(inputs[:, : len(columns)])
    return tuple(columns), inputs, notes + _repeated(columns, inputs)


def read_target(
    labels: pd.Series[Any], title: str, task: str, name: str, advice: str = "say task=regress"
) -> tuple[tuple[str, ...], Array]:
    """Return the names of the classes and the class of each row [N], or no names and values
    [N, 1]. advice: where classes look like values."""
    task = task_of(labels, name) if task == "auto" else task
    labels = labels.reset_index(drop=True)
    if task == "regress":
        values = reading.read(labels, title, name)
        if values.type == "category":
            raise UsageError(f"{name}: {title} holds texts, no numbers; say task=classify")
        return (), values.numbers[:, None]
    names = _class_names(labels)
    if len(names) > MOST_CLASSES or (
        is_number(labels) and len(names) > FEW_VALUES and len(names) > len(labels) / 2
    ):
        hint = advice if is_number(labels) else "too many to be classes"
        raise UsageError(f"{name}: {title} holds {len(names):,} different values; {hint}")
    codes = {value: code for code, value in enumerate(names)}
    numbers, different = labels.factorize()
    return tuple(map(text_of, names)), np.array([codes[v] for v in different], np.int64)[numbers]


def _class_names(labels: pd.Series[Any]) -> list[Any]:
    if hasattr(labels, "cat"):
        return [value for value in labels.cat.categories if (labels == value).any()]
    return sorted(labels.unique().tolist(), key=lambda value: (isinstance(value, str), value))


def _repeated(columns: Sequence[TableColumn], inputs: Array) -> list[str]:
    """Return a line for each column that equals an earlier one."""
    alike: dict[bytes, list[int]] = {}  # columns by their first rows, which mostly tell them apart
    notes = []
    for number, values in enumerate(inputs.T):
        earlier = alike.setdefault(np.ascontiguousarray(values[:FIRST_ROWS]).tobytes(), [])
        same = [n for n in earlier if np.array_equal(inputs[:, n], values, equal_nan=True)]
        earlier.append(number)
        if same:
            notes.append(f"{columns[number].name!r} repeats {columns[same[0]].name!r}")
    return notes
