"""Read a CSV file: how it is written is found out, and can be said."""

from __future__ import annotations

import csv
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.data.text_files import encoding_of, plain_errors
from lab.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".txt")
HEAD = 256 * 1024  # bytes that the form of a file is told from
DELIMITERS = ",;\t|"
MARKS = (re.compile(r"[-+]?\d+,\d+"), re.compile(r"[-+]?\d+\.\d+"))  # of decimals


def read_csv(
    place: Path,
    name: str,
    *,
    delimiter: str = "",
    decimal: str = "",
    encoding: str = "",
    na: str = "",
    otherwise: str = "",
    rows: int | None = None,
    advice: str = "Write it as UTF-8 first: latin-1",
) -> pd.DataFrame:
    """Return a CSV file that begins with column names, or its first `rows`, as a DataFrame.

    What is "" is told from the file: the delimiter of , ; tab and |, the decimal mark, UTF-8 of any
    kind. Lines before the column names that begin with # are left out. na: further words for what
    is missing, joined by +. otherwise: the encoding of a file that is not UTF-8, where none is
    said. Raises UsageError, which calls the file `name`, where it cannot be read; `advice` says
    what to do where it is no UTF-8, and ends with what reads it.
    """
    import pandas as pd

    if place.is_dir():
        raise UsageError(f"{name} is a folder: name one file in it")
    encoding = encoding or encoding_of(place, name, advice, otherwise)
    head = _head(place, encoding, name)
    comments = _comments(head)
    head = head[comments:]
    if not "".join(head).strip():
        raise UsageError(f"{name} is empty: it begins with a line of column names")
    delimiter = {"tab": "\t", "": _delimiter(head)}.get(delimiter, delimiter)
    if len(delimiter) != 1:
        raise UsageError(f"{name}: delimiter={delimiter} is not one character, or tab")
    _check_fields(head, delimiter, name)
    decimal = decimal or _decimal(head, delimiter)
    words = [word.strip() for word in na.split("+") if word.strip()]
    with plain_errors(name), warnings.catch_warnings():
        # fields without a column name would be lost, or become an index
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            place,
            sep=delimiter,
            index_col=False,
            decimal=decimal,
            encoding=encoding,
            skipinitialspace=True,
            na_values=words,
            nrows=rows,
            skiprows=comments,
            low_memory=False,  # or a column's type depends on where chunks of it end
        ).rename(columns=lambda column: str(column).strip())


def _head(place: Path, encoding: str, name: str) -> list[str]:
    """Return the first lines of a file, whole ones."""
    with plain_errors(name), place.open(encoding=encoding, newline="") as file:
        return file.readlines(HEAD)


def _comments(lines: Sequence[str]) -> int:
    """Return how many lines at the start are comments: those that begin with #. The last of them is
    the column names where it has as many delimiters as the line after it."""
    first = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if 0 < first < len(lines):
        above, below = (
            [line.count(d) for d in DELIMITERS] for line in lines[first - 1 : first + 1]
        )
        if above == below and any(above):
            return first - 1
    return first


def _rows(lines: Sequence[str], delimiter: str) -> Iterator[list[str]]:
    """Yield the fields of lines, up to one that is longer than Python's `csv` takes: pandas, which
    reads the file, has no such limit, and these lines are only to tell how it is written."""
    try:
        yield from csv.reader(lines, delimiter=delimiter)
    except csv.Error:
        return


def _delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter that splits most lines into as many fields, and into the most."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in _rows(lines, delimiter) if row]
        if not widths or widths[0] == 1:
            return 0.0, 1
        return sum(width == widths[0] for width in widths) / len(widths), widths[0]

    return max(DELIMITERS, key=score)


def _check_fields(lines: Sequence[str], delimiter: str, name: str) -> None:
    """Raise UsageError where the first line names a column twice, or fewer columns than the second
    one has fields: it is no line of names. Of later lines, pandas says which is too long."""
    names, *rows = [row for row in _rows(lines, delimiter) if row]
    written = Counter(title.strip() for title in names if title.strip())
    for title, times in written.most_common(1):
        if times > 1:
            raise UsageError(f"{name} has two columns called {title!r}: rename one of them")
    first = rows[0] if rows else []
    fields = first[:-1] if first and not first[-1].strip() else first  # a delimiter may end a line
    if len(fields) > len(names):
        raise UsageError(
            f"{name}: a row has {len(fields)} fields under {len(names)} column names, "
            f"{', '.join(names)[:60]}: the first line is to name each column"
        )


def _decimal(lines: Sequence[str], delimiter: str) -> str:
    """Return the decimal mark: a comma where cells hold numbers with one, and none with a point."""
    if delimiter == ",":
        return "."
    cells = [cell.strip() for row in _rows(lines, delimiter) for cell in row]
    commas, points = (sum(mark.fullmatch(cell) is not None for cell in cells) for mark in MARKS)
    return "," if commas > points else "."
