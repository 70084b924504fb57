"""Read tables from files: how a CSV file is written is found out, and can be said."""

from __future__ import annotations

import codecs
import csv as dialects
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lab
from lab.data.tables import choose_target, from_frame, task_of
from lab_sources.optional_import import needs

HEAD = 256 * 1024  # bytes that the form of a file is told from
DELIMITERS = ",;\t|"
MARKS = (re.compile(r"[-+]?\d+,\d+"), re.compile(r"[-+]?\d+\.\d+"))  # of decimals
LOOKED_AT = 10_000  # rows that a task is told from


def csv(path: str, target: str, task: str, drop: str, **form: Any) -> lab.Dataset:
    """Return the table in a CSV file that begins with column names."""
    return _dataset(read_csv(path, **form), f"csv:{path}", target, task, drop)


def parquet(path: str, target: str, task: str, drop: str) -> lab.Dataset:
    """Return the table in a Parquet file, or in a folder of them."""
    return _dataset(read_parquet(path), f"parquet:{path}", target, task, drop)


def csv_task(path: str, target: str, **options: str) -> str:
    """Say what the target of a CSV file is for, from its first rows."""
    form = {name: options[name] for name in ("delimiter", "decimal", "encoding", "na")}
    return _task(read_csv(path, rows=LOOKED_AT, **form), target, f"csv:{path}")


def parquet_task(path: str, target: str, **options: str) -> str:
    return _task(read_parquet(path), target, f"parquet:{path}")


def read_csv(
    path: str,
    delimiter: str = "",
    decimal: str = "",
    encoding: str = "",
    na: str = "",
    rows: int | None = None,
) -> Any:
    """Return a CSV file, or its first `rows`, as a pandas DataFrame.

    What is "" is told from the file: the delimiter of , ; tab and |, the decimal mark, UTF-8 of any
    kind. na: further words for what is missing, joined by +. Raises UsageError that says what to
    say where the file cannot be read.
    """
    import pandas as pd

    name = f"csv:{path}"
    place = _existing(path, "csv")
    if place.is_dir():
        raise lab.UsageError(f"{name} is a folder: name one file in it")
    encoding = encoding or _encoding(place, name)
    head = _head(place, encoding, name)
    if not "".join(head).strip():
        raise lab.UsageError(f"{name} is empty: it begins with a line of column names")
    delimiter = {"tab": "\t", "": _delimiter(head)}.get(delimiter, delimiter)
    if len(delimiter) != 1:
        raise lab.UsageError(f"{name}: delimiter={delimiter} is not one character, or tab")
    decimal = decimal or _decimal(head, delimiter)
    words = [word.strip() for word in na.split("+") if word.strip()]
    with _reading(name):
        return pd.read_csv(
            place,
            sep=delimiter,
            decimal=decimal,
            encoding=encoding,
            skipinitialspace=True,
            na_values=words,
            nrows=rows,
            low_memory=False,  # or a column's type depends on where chunks of it end
        ).rename(columns=lambda column: str(column).strip())


def read_parquet(path: str) -> Any:
    """Return a Parquet file, or a folder of them, as a pandas DataFrame."""
    place, name = _existing(path, "parquet"), f"parquet:{path}"
    arrow = needs("pyarrow.parquet", "parquet")
    if place.is_dir() and not any(place.rglob("*.parquet")):
        raise lab.UsageError(f"{name} is a folder without *.parquet files")
    with _reading(name):
        return arrow.read_table(str(place)).to_pandas()


def _dataset(frame: Any, name: str, target: str, task: str, drop: str) -> lab.Dataset:
    if not len(frame):
        raise lab.UsageError(f"{name} has column names, but no rows")
    dropped = [word.strip() for word in drop.split("+") if word.strip()]
    return from_frame(frame, name, target=target, task=task, drop=dropped)


def _task(frame: Any, target: str, name: str) -> str:
    if not len(frame):
        raise lab.UsageError(f"{name} has column names, but no rows")
    return task_of(frame[choose_target(list(map(str, frame.columns)), target, name)[0]])


def _existing(path: str, source: str) -> Path:
    place = Path(path).expanduser()
    if not place.exists():
        raise lab.UsageError(f"{source}: there is no file {path}")
    return place


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Say in one line what is wrong with a file."""
    try:
        yield
    except (OSError, ValueError, LookupError) as error:  # pandas' and pyarrow's are among them
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise lab.UsageError(f"{name} cannot be read: {line}") from error


def _encoding(place: Path, name: str) -> str:
    """Return UTF-8 or UTF-16, whichever the bytes are. Raises UsageError for others, which cannot
    be told from each other."""
    with _reading(name), place.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        file.seek(0)
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                shown = line.decode("latin-1").strip()[:60]
                raise lab.UsageError(
                    f"{name} is not UTF-8: line {number} holds byte {line[error.start]:#x}. "
                    f"Say how it is written: encoding=latin-1 reads {shown!r}"
                ) from error
    return "utf-8-sig"  # with or without a mark at its start


def _head(place: Path, encoding: str, name: str) -> list[str]:
    """Return the first lines of a file, whole ones."""
    with _reading(name), place.open(encoding=encoding, newline="") as file:
        return file.readlines(HEAD)


def _delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that splits most lines into as many fields, and into the most."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in dialects.reader(lines, delimiter=delimiter) if row]
        if not widths or widths[0] == 1:
            return 0.0, 1
        return sum(width == widths[0] for width in widths) / len(widths), widths[0]

    return max(DELIMITERS, key=score)


def _decimal(lines: Sequence[str], delimiter: str) -> str:
    """Return the decimal mark: a comma where cells hold numbers with one, and none with a point."""
    if delimiter == ",":
        return "."
    cells = [cell.strip() for row in dialects.reader(lines, delimiter=delimiter) for cell in row]
    commas, points = (sum(mark.fullmatch(cell) is not None for cell in cells) for mark in MARKS)
    return "," if commas > points else "."
