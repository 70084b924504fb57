"""Read tables from files as examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import lab
from lab.data import csv_files
from lab.data.tables import choose_target, from_frame, task_of
from lab.data.text_files import ADVICE, plain_errors
from lab_sources.optional_import import needs

UNTOLD = ("encoding", "na")  # what no file tells of itself, so that new ones are read alike
LOOKED_AT = 10_000  # rows that a task is told from


def csv(path: str, target: str, task: str, drop: str, **form: Any) -> lab.Dataset:
    """Return the table in a CSV file that begins with column names."""
    frame = read_csv(path, **form)
    if len(frame.columns) == 1:
        raise lab.UsageError(
            f"csv:{path}: no column is left to learn from: there is one, {frame.columns[0]!r}. "
            "If it holds several, say what is between them: --data-args 'delimiter=;' for one"
        )
    dataset = _dataset(frame, f"csv:{path}", target, task, drop)
    return replace(dataset, written=untold(form))


def untold(form: Mapping[str, str]) -> dict[str, str]:
    """Return what of a form no file tells of itself, as far as it was said."""
    return {name: form[name] for name in UNTOLD if form[name]}


def parquet(path: str, target: str, task: str, drop: str) -> lab.Dataset:
    """Return the table in a Parquet file, or in a folder of them."""
    return _dataset(read_parquet(path), f"parquet:{path}", target, task, drop)


def csv_task(path: str, target: str, **options: str) -> str:
    """Say what the target of a CSV file is for, from its first rows."""
    form = {name: options[name] for name in ("delimiter", "decimal", "encoding", "na")}
    return _task(read_csv(path, rows=LOOKED_AT, **form), target, f"csv:{path}")


def parquet_task(path: str, target: str, **options: str) -> str:
    return _task(read_parquet(path).iloc[:LOOKED_AT], target, f"parquet:{path}")


def read_csv(path: str, rows: int | None = None, source: str = "csv", **form: Any) -> Any:
    """Return a CSV file, or its first `rows`, as a pandas DataFrame, written as `form` says;
    `source` is who reads it, for messages."""
    name = f"{source}:{path}"
    return csv_files.read_csv(_existing(path, source), name, rows=rows, advice=ADVICE, **form)


def read_parquet(path: str) -> Any:
    """Return a Parquet file, or a folder of them, as a pandas DataFrame."""
    place, name = _existing(path, "parquet"), f"parquet:{path}"
    arrow = needs("pyarrow.parquet", "parquet")
    if place.is_dir() and not any(place.rglob("*.parquet")):
        raise lab.UsageError(f"{name} is a folder without *.parquet files")
    with plain_errors(name):
        return arrow.read_table(str(place)).to_pandas()


def _dataset(frame: Any, name: str, target: str, task: str, drop: str) -> lab.Dataset:
    if not len(frame):
        raise lab.UsageError(f"{name} has column names, but no rows")
    dropped = [word.strip() for word in drop.split("+") if word.strip()]
    if task == "auto":  # what was decided before the whole file was read
        task = _task(frame.iloc[:LOOKED_AT], target, name)
    return from_frame(frame, name, target=target, task=task, drop=dropped)


def _task(frame: Any, target: str, name: str) -> str:
    if not len(frame):
        raise lab.UsageError(f"{name} has column names, but no rows")
    return task_of(frame[choose_target(list(map(str, frame.columns)), target, name)[0]], name)


def _existing(path: str, source: str) -> Path:
    place = Path(path).expanduser()
    if not place.exists():
        raise lab.UsageError(f"{source}: there is no file {path}")
    return place
