"""Write beside an exported model what shows its use: a script without the lab, and an example."""

from __future__ import annotations

import csv
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import torch

from lab.data.dataset_info import DatasetInfo
from lab.data.encoding import TableColumn
from lab.errors import UsageError
from lab.nn import serve
from lab.tokenizers.protocol import OFFSET

SCRIPT = "serve.py"
READ = frozenset({"image", "table", "tokens"})  # kinds of inputs that it reads
WORDS = 10  # of the text that is an example


def check_place(path: Path) -> None:
    """Raise UsageError where somebody else's serve.py stands beside a model."""
    script = path.with_name(SCRIPT)
    if script.exists() and serve.MARK not in script.read_text(errors="replace"):
        raise UsageError(f"{script} is another script: write {path.name} to a folder of its own")


def write_companions(path: Path, info: DatasetInfo) -> None:
    """Write serve.py and an example beside a model, where its kind has one: a picture, a row of a
    table, a text."""
    shutil.copyfile(serve.__file__, path.with_name(SCRIPT))
    if info.kind == "image" and not info.floats:
        _picture(path.with_suffix(".example.png"), info)
    elif info.kind == "table":
        _row(path.with_suffix(".example.csv"), info)
    elif info.text is not None:
        words = info.text.tokenizer.decode(range(OFFSET, min(OFFSET + WORDS, len(info.vocabulary))))
        path.with_suffix(".example.txt").write_text(words, encoding="utf-8")


def _picture(path: Path, info: DatasetInfo) -> None:
    """Write the mean color of the training images: the data may be gone."""
    from PIL import Image

    mean = (255 * info.restore_inputs(torch.zeros(1, *info.shape)))[0].clamp(0, 255)
    pixels = np.ascontiguousarray(mean.byte().numpy().transpose(1, 2, 0))
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels[..., :3]).save(path)


def _row(path: Path, info: DatasetInfo) -> None:
    """Write the row that stands for one of which all is missing, or the mean of all columns."""
    if info.encoding is not None:
        columns, values = info.encoding.columns, info.encoding.fill
    else:
        names = info.features or [f"column {number}" for number in range(info.shape[0])]
        columns, values = tuple(TableColumn(name) for name in names), info.mean
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in columns])
        writer.writerow(map(_cell, columns, values))


def _cell(column: TableColumn, value: float) -> str:
    if column.type == "category":
        return column.categories[int(value)]
    if column.type == "boolean":
        return "true" if value else "false"
    if column.type == "date":
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=value)).strftime("%Y-%m-%d")
    return f"{value:.6g}"
