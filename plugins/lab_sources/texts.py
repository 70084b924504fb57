"""Read texts: a file as a stream, files in a folder for each class, or a column of a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import lab
from lab.data.tables import check_columns, choose_target, read_target
from lab.data.text_files import read_text
from lab_sources import class_folders
from lab_sources.tables import read_csv, untold

PIECE = 100  # characters
TEXTS = ("text", "sentence", "review", "content", "message", "document", "body", "comment")


def text(path: str, encoding: str) -> lab.Dataset:
    """Return a file's text as a stream of its lines, with their ends; pieces of long ones.

    Raises UsageError where there is no text.
    """
    whole = read_text(Path(path).expanduser(), f"text:{path}", encoding)
    if not whole.strip():
        raise lab.UsageError(f"text:{path} is empty")
    return lab.Dataset(list(pieces(whole)), stream=True)


def pieces(text: str) -> Iterator[str]:
    """Yield a text's lines with their ends, of long ones PIECE characters at a time: where none
    has an end, a split still finds places to cut."""
    for line in text.splitlines(keepends=True):
        yield from (line[start : start + PIECE] for start in range(0, len(line), PIECE))


def textfolder(path: str, encoding: str) -> lab.Dataset:
    """Return the files under `path`, a text each; the class is the folder's name.

    `path` may hold the folders `train`, `val` and `test` with the classes in them. Files without a
    text are listed in `bad`.
    """
    found = class_folders.find(path, "textfolder", "texts", lambda file: True)
    texts = [read_text(file, f"textfolder:{file}", encoding).strip() for file in found.paths]
    kept = np.flatnonzero([bool(text) for text in texts])
    test, selection = found.own("test"), found.own("eval")
    return lab.Dataset(
        [texts[row] for row in kept],
        found.targets[kept],
        found.classes,
        test=None if test is None else test[kept],
        eval=None if selection is None else selection[kept],
        bad=tuple(
            f"{file} is empty" for file, text in zip(found.paths, texts, strict=True) if not text
        ),
        notes=found.notes,
    )


def csv_text(path: str, text: str, target: str, **form: Any) -> lab.Dataset:
    """Return a column of texts in a CSV file, and their classes in another one.

    text: the column; without it one that is called so (TEXTS), or else the one of the longest
    texts. target: as a table's (`choose_target`). Rows that lack either are listed in `bad`.
    """
    name = f"csv-text:{path}"
    frame = read_csv(path, source="csv-text", **form)
    if not len(frame):
        raise lab.UsageError(f"{name} has column names, but no rows")
    columns = list(frame.columns)
    check_columns(columns, [column for column in (text, target) if column], name)
    chosen_text = text or _text_column(frame, target)
    others = [column for column in columns if column != chosen_text]
    if not others:
        raise lab.UsageError(f"{name} has one column; texts and their classes are two")
    chosen, notes = choose_target(others, target, name)
    if not text:
        notes = [f"The texts are in {chosen_text!r}; text=COLUMN chooses another", *notes]
    texts = frame[chosen_text].astype("string").str.strip()
    lacking = {
        column: np.flatnonzero(values.isna() | (values.astype("string").str.strip() == ""))
        for column, values in ((chosen_text, texts), (chosen, frame[chosen]))
    }
    kept = np.setdiff1d(np.arange(len(frame)), np.concatenate(list(lacking.values())))
    classes, targets = read_target(
        frame[chosen].iloc[kept], chosen, "classify", name, advice="texts have classes, no values"
    )
    return lab.Dataset(
        texts.iloc[kept].tolist(),
        targets,
        classes,
        target=(chosen,),
        written={"text": chosen_text, **untold(form)},
        bad=tuple(
            f"row {row}: its {column} is missing"
            for column, rows in lacking.items()
            for row in rows.tolist()
        ),
        notes=tuple(notes) if len(columns) > 2 else (),
    )


def _text_column(frame: Any, target: str) -> str:
    """Return the column that is called as texts are, or the one of the longest."""
    columns = [column for column in frame.columns if column != target]
    named = [column for column in columns if column.lower() in TEXTS]
    if len(named) == 1:
        return str(named[0])
    length = {column: frame[column].astype("string").str.len().mean() for column in columns}
    return str(max(columns, key=lambda column: np.nan_to_num(length[column])))
