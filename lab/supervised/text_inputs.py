"""Read the texts of `lab predict`: as they are typed, lines of standard input, files."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.data import csv_files
from lab.data.dataset_info import DatasetInfo
from lab.data.text_files import read_text
from lab.errors import UsageError
from lab.messages import listed

STDIN = "-"
TABLES = (".csv", ".tsv")
FILES = (*TABLES, ".txt")  # a word that ends so is no text
COLUMN = "text"  # of a table, where training read none


def read_texts(words: Sequence[str], info: DatasetInfo) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the texts that words stand for, and before them what a person calls each.

    A word is a text, `-`, the lines of standard input, or, where training read texts of any kind,
    the file of one, or a csv file with a column of them. Raises UsageError where there is none.
    """
    called, texts = [], []
    for word in words:
        for name, text in _texts(word, info):
            called.append(name)
            texts.append(text)
    if not texts:
        raise UsageError("Nothing to predict. Give texts, or - for lines of standard input.")
    return tuple(called), tuple(texts)


def text_of(word: str) -> str:
    """Return the text of a word of the command line: itself, or that of a file."""
    return read_text(Path(word), word) if is_file(word) else word


def is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):  # too long a name for a file
        return False


def is_folder(word: str) -> bool:
    """Tell whether a word is the path of a folder: a name alone may be a text as well."""
    try:
        return bool({"/", "\\"} & set(word)) and Path(word).is_dir()
    except (OSError, ValueError):
        return False


def _texts(word: str, info: DatasetInfo) -> Iterator[tuple[str, str]]:
    if word == STDIN:
        yield from ((line, line) for line in sys.stdin.read().splitlines() if line.strip())
    elif not is_file(word):
        if is_folder(word):
            raise UsageError(f"{word} is a folder: name the files in it, {word}/*.txt say")
        if word.lower().endswith(FILES) and not word.split()[1:]:
            raise UsageError(f"There is no file {word}")
        if word.strip():
            yield word, word
    elif info.text is None:  # its name would be taken for the text
        raise UsageError(
            f"{word} is a file, which runs on texts with classes read; give texts, or - for lines"
        )
    elif word.lower().endswith(TABLES):
        for row, text in enumerate(_column(word, info)):
            yield f"{word}:{row}", text
    elif text := text_of(word).strip():
        yield word, text
    else:
        raise UsageError(f"{word} is empty")


def _column(word: str, info: DatasetInfo) -> list[str]:
    """Return the texts of a csv file, of the column that training read."""
    encoding, na = (info.written.get(option, "") for option in ("encoding", "na"))
    frame = csv_files.read_csv(Path(word), word, otherwise=encoding, na=na)
    column = info.written.get("text", COLUMN)
    if column not in frame.columns:
        if len(frame.columns) > 1:
            raise UsageError(f"{word} has no column {column!r}; it has {listed(frame.columns)}")
        column = frame.columns[0]
    texts = frame[column].astype("string").str.strip()
    for row, lacks in enumerate(texts.isna() | (texts == "")):
        if lacks:
            raise UsageError(f"{word}: row {row}: its {column} is missing")
    return [str(text) for text in texts]
