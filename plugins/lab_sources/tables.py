"""Read tables from files: numbers as they are, words as one column for each word."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

import lab
from lab_sources.optional_import import needs
from lab_sources.sdf import Array

MOST_WORDS = 50  # different words of a column that becomes one column for each
MOST_CLASSES = 1_000


def csv(path: str, target: str, task: str, drop: str) -> lab.Dataset:
    """Return the table in a CSV file that begins with column names."""
    return _file("csv", "pyarrow.csv", "read_csv", path, target, task, drop)


def parquet(path: str, target: str, task: str, drop: str) -> lab.Dataset:
    """Return the table in a Parquet file, or in a folder of them."""
    return _file("parquet", "pyarrow.parquet", "read_table", path, target, task, drop)


def _file(
    source: str, module: str, function: str, path: str, target: str, task: str, drop: str
) -> lab.Dataset:
    name = f"{source}:{path}"
    arrow = needs(module, source)
    options: dict[str, Any] = {}
    if source == "csv":  # an empty cell is missing in a column of words too
        options["convert_options"] = arrow.ConvertOptions(strings_can_be_null=True)
    place = Path(path).expanduser()
    if not place.exists():
        raise lab.UsageError(f"{source}: there is no file {path}")
    try:
        table = getattr(arrow, function)(str(place), **options)
    except (OSError, ValueError) as error:  # what pyarrow raises is one of them
        raise lab.UsageError(
            f"{name} is no {source} table: {str(error).splitlines()[0]}"
        ) from error
    return dataset(table, name, target, task, drop)


def dataset(
    table: Any, name: str, target: str, task: str, drop: str, test: Array | None = None
) -> lab.Dataset:
    """Return features float32 [N, F] and targets of an arrow table.

    `test` [N] marks what is for testing. Rows without a target, or with a feature that is missing
    or infinite, are left out and listed in `bad` by their number in the table.
    Raises UsageError for columns that do not exist or hold nothing to learn from.
    """
    columns = list(table.column_names)
    target = target or columns[-1]
    dropped = [word.strip() for word in drop.split("+") if word.strip()]
    check(name, columns, [target, *dropped])
    features = [column for column in columns if column != target and column not in dropped]
    if not features:
        raise lab.UsageError(f"{name}: there is no column but {target} to learn from")
    blocks = [_features(table.column(column), column, name) for column in features]
    inputs = np.concatenate([values for values, _ in blocks], axis=1)
    titles = tuple(title for _, some in blocks for title in some)
    owners = [column for column, (_, some) in zip(features, blocks, strict=True) for _ in some]
    bad = _bad(inputs, owners, table.column(target), target)
    kept = np.setdiff1d(np.arange(len(inputs)), list(bad))
    column = table.column(target).take(kept)
    classes: tuple[str, ...] = ()
    if task == "regress":
        values = _values(column)
        if values is None:
            raise lab.UsageError(f"{name}: {target} holds no numbers; say task=classify")
        targets = values.astype(np.float32)[:, None]
    else:
        classes, targets = classes_of(column, target, name)
    test = None if test is None else test[kept]
    lines = tuple(f"row {row}: {why}" for row, why in sorted(bad.items()))
    return lab.Dataset(inputs[kept], targets, classes, test, features=titles, bad=lines)


def _bad(inputs: Array, owners: Sequence[str], column: Any, target: str) -> dict[int, str]:
    """Return the rows that cannot be learned from, and why."""
    bad: dict[int, str] = {}
    for row in np.flatnonzero(~np.isfinite(inputs).all(axis=1)).tolist():
        place = int(np.flatnonzero(~np.isfinite(inputs[row]))[0])
        value = inputs[row, place]
        bad[row] = f"{owners[place]} is {'missing' if np.isnan(value) else value}"
    for row in np.flatnonzero(np.asarray(column.is_null(nan_is_null=True))).tolist():
        bad[row] = f"its {target} is missing"
    return bad


def check(name: str, columns: Sequence[str], required: Sequence[str]) -> None:
    for column in required:
        if column not in columns:
            near = get_close_matches(column, columns, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise lab.UsageError(
                f"{name} has no column {column!r}.{hint} It has: {', '.join(columns)}"
            )


def _features(column: Any, title: str, name: str) -> tuple[Array, list[str]]:
    """Return a column as float32 [N, 1], or one 0/1 column for each of its words."""
    values = _values(column)
    if values is not None:
        return values.astype(np.float32)[:, None], [title]
    words = _words(column)
    if words is None:
        raise lab.UsageError(f"{name}: {title} holds {column.type}, no numbers; say drop={title}")
    present = np.array([word for word in words if word is not None], str)
    unique = np.unique(present)
    if len(unique) > MOST_WORDS:
        raise lab.UsageError(
            f"{name}: {title} holds {len(unique)} different texts, no numbers; say drop={title}"
        )
    hot = np.array([[np.nan if word is None else float(word == entry) for entry in unique]
                    for word in words], np.float32).reshape(len(words), len(unique))  # fmt: skip
    return hot, [f"{title}={word}" for word in unique]


def _values(column: Any) -> Array | None:
    """Return float64 [N], NaN where a value is missing, or None for what is no number."""
    types = needs("pyarrow.types", "a table")
    kind = column.type
    if types.is_null(kind):
        return np.full(len(column), np.nan)
    if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
            or types.is_decimal(kind)):  # fmt: skip
        return None
    return np.array([np.nan if value is None else float(value) for value in column.to_pylist()])


def _words(column: Any) -> list[str | None] | None:
    types = needs("pyarrow.types", "a table")
    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return list(column.to_pylist())
    return None


def classes_of(column: Any, title: str, name: str) -> tuple[tuple[str, ...], Array]:
    """Return the names of the classes in order, and the number of each row's."""
    values = column.to_pylist()
    try:
        distinct = sorted(set(values))
    except TypeError as error:
        raise lab.UsageError(f"{name}: {title} holds {column.type}, no classes") from error
    numeric = bool(values) and not isinstance(values[0], str)
    if len(distinct) > MOST_CLASSES or (
        numeric and len(distinct) > 20 and len(distinct) > len(values) / 2
    ):
        raise lab.UsageError(
            f"{name}: {title} holds {len(distinct)} different values; "
            + ("say task=regress" if numeric else "too many to be classes")
        )
    index = {value: number for number, value in enumerate(distinct)}
    return tuple(map(str, distinct)), np.array([index[value] for value in values], int)
