"""Read the inputs of `lab predict`: rows as a person types them, csv files, and images."""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lab.capabilities import Predict
from lab.data import csv_files
from lab.data.dataset import Array
from lab.data.dataset_info import DatasetInfo
from lab.data.image_files import BROKEN, Decoder
from lab.data.tables import encode_frame
from lab.errors import UsageError
from lab.messages import did_you_mean, listed
from lab.supervised.inputs import columns_of, warn_of_unknown
from lab.supervised.sentences import token_rows
from lab.supervised.sequence_files import read_sequences
from lab.supervised.text_inputs import STDIN, read_texts

if TYPE_CHECKING:
    import pandas as pd

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
BATCH = 256  # inputs that are predicted from at a time


@dataclass(frozen=True)
class Inputs:
    """N inputs as the source gives them [N, ...], and what a person calls each of them: the word
    that was typed, the path of an image, or file:row of a csv file, whose rows count from 0."""

    names: tuple[str, ...]
    values: Tensor

    def answers(self, predict: Callable[[Tensor], Array]) -> Array:
        """Return what `predict` says of all inputs [N, ...], some at a time."""
        return np.concatenate([predict(part) for part in torch.split(self.values, BATCH)])


def read_inputs(words: Sequence[str], info: DatasetInfo) -> Inputs:
    """Return the inputs that words stand for, in the format of a run's source.

    Of a table, a word is a row (fields in the order of the columns, or named: age=35,city=Paris), a
    csv file, or `-`, the csv on standard input. Of images, it is a file or a folder of them, which
    are brought to the run's size and channels. Of sequences, it is what `read_sequences` takes, and
    shorter ones end in NaN. Of tokens, it is what `read_texts` takes. Raises UsageError that names
    what cannot be read.
    """
    if info.kind == "tokens":
        called, texts = read_texts(words, info)
        return Inputs(called, torch.from_numpy(token_rows(texts, info)))
    if info.kind in ("sequence", "series"):
        names, sequences = read_sequences(words, info)
        steps = [torch.from_numpy(steps.astype(np.float64)) for steps in sequences]
        return Inputs(tuple(names), pad_sequence(steps, True, torch.nan))
    if info.kind not in ("image", "table"):
        raise UsageError(
            f"{info.name} is {info.kind} data; images, texts, sequences of numbers and rows of "
            "tables can be predicted from"
        )
    if not words:
        raise UsageError(f"Nothing to predict. Give {_expected(info)}.")
    return _images(words, info) if info.kind == "image" else _rows(words, info)


def ranked(
    answers: Array, inputs: Inputs, options: Predict, info: DatasetInfo
) -> list[dict[str, Any]]:
    """Return for each input its likeliest classes by probabilities [N, K], or its values by name
    where there are no classes."""
    rows: list[dict[str, Any]] = []
    for name, row in zip(inputs.names, torch.from_numpy(answers), strict=True):
        if not info.classes:
            values = zip(value_names(info, len(row)), row.tolist(), strict=True)
            rows.append({"input": name, "values": dict(values)})
            continue
        probabilities, classes = row.topk(min(options.top, len(info.classes)))
        named = zip(classes.tolist(), probabilities.tolist(), strict=True)
        rows.append({"input": name, "classes": {info.classes[n]: p for n, p in named}})
    return rows


def value_names(info: DatasetInfo, count: int) -> tuple[str, ...]:
    """Return what predicted values are called: as the table's columns, or by their number."""
    if len(info.target) == count:
        return info.target
    return ("value",) if count == 1 else tuple(f"value {number}" for number in range(count))


def _expected(info: DatasetInfo) -> str:
    if info.kind == "image":
        return "image files, or a folder of them"
    names = [column.name for column in columns_of(info)]
    fields = "numbers" if info.encoding is None else "fields"
    return f"{len(names)} {fields} ({listed(names)}), a csv file, or - for csv on standard input"


# -- rows of tables


def _rows(words: Sequence[str], info: DatasetInfo) -> Inputs:
    names: list[str] = []
    blocks = []
    unknown: dict[str, int] = {}
    for word in words:
        frame, called = _typed(word, info), repr(word)
        rows = [word]
        if frame is None:
            frame, called = _table(word, info), "standard input" if word == STDIN else word
            rows = [f"{word}:{row}" for row in range(len(frame))]
        block, unseen = encode_frame(frame, columns_of(info), called)
        _check_complete(block, called, info)
        names += rows
        blocks.append(block)
        unknown = {n: unknown.get(n, 0) + unseen.get(n, 0) for n in {**unknown, **unseen}}
    warn_of_unknown(unknown, len(names))
    return Inputs(tuple(names), torch.from_numpy(np.concatenate(blocks)))


def _typed(word: str, info: DatasetInfo) -> pd.DataFrame | None:
    """Return the row that a word is, or None where it is a file."""
    if word == STDIN or Path(word).suffix.lower() in csv_files.SUFFIXES or Path(word).is_file():
        return None
    names = [column.name for column in columns_of(info)]
    cells = [cell.strip() for cell in next(csv.reader([word], skipinitialspace=True), [])]
    if cells and "=" in cells[0]:
        cells = _by_name(word, cells, names)
    if len(cells) != len(names):
        raise UsageError(
            f"{word!r} has {len(cells)} fields; the run learned from {_expected(info)}"
        )
    return _as_in_a_file(names, cells)


def _by_name(word: str, cells: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the cells `name=value` in the order of the columns."""
    fields: dict[str, str] = {}
    for cell in cells:
        name, equals, value = (part.strip() for part in cell.partition("="))
        if name not in names or not equals:
            hint = did_you_mean(name, names)
            raise UsageError(f"{word!r}: the run learned from no column {name!r}.{hint}")
        if name in fields:
            raise UsageError(f"{word!r} gives {name} twice")
        fields[name] = value
    absent = [name for name in names if name not in fields]
    if absent:
        raise UsageError(
            f"{word!r} lacks {listed(absent)}. Where a value is missing, say {absent[0]}="
        )
    return [fields[name] for name in names]


def _as_in_a_file(names: Sequence[str], cells: Sequence[str]) -> pd.DataFrame:
    """Return a typed row as pandas reads one of a file, with the same words for what is missing."""
    import pandas as pd

    text = StringIO()
    csv.writer(text).writerows([names, cells])
    text.seek(0)
    return pd.read_csv(text, skipinitialspace=True, skip_blank_lines=False)


def _table(word: str, info: DatasetInfo) -> pd.DataFrame:
    """Return the rows of a csv file, or of standard input. Raises UsageError where it has none."""
    if word == STDIN:
        frame = _piped(info)
    elif Path(word).suffix.lower() not in csv_files.SUFFIXES:
        raise UsageError(f"{word} is no table; give {_expected(info)}")
    elif not Path(word).is_file():
        raise UsageError(f"There is no file {word}")
    else:
        frame = _read(Path(word), word, info)
    if not len(frame):
        raise UsageError(f"{word} has column names, but no rows")
    if not (info.features or info.encoding) and len(frame.columns) == info.shape[0]:
        return frame.set_axis([column.name for column in columns_of(info)], axis=1)
    return frame


def _read(place: Path, name: str, info: DatasetInfo) -> pd.DataFrame:
    """Return a csv file: what it does not tell of itself is that of the run's own."""
    encoding, na = (info.written.get(option, "") for option in ("encoding", "na"))
    return csv_files.read_csv(place, name, otherwise=encoding, na=na)


def _piped(info: DatasetInfo) -> pd.DataFrame:
    """Return the csv on standard input, by way of a file: it is read once to tell how it is
    written, and again for what it holds."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "stdin.csv"
        with place.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return _read(place, "standard input", info)


def _check_complete(block: Array, called: str, info: DatasetInfo) -> None:
    """Raise UsageError for a number that is infinite, or missing where none was in training."""
    refused = np.isinf(block) if info.encoding is not None else ~np.isfinite(block)
    for row, column in np.argwhere(refused):
        name = columns_of(info)[column].name
        what = "missing" if np.isnan(block[row, column]) else "no finite number"
        raise UsageError(f"{called}: {name} is {what} in row {row}; a number is needed")


# -- images


def _images(words: Sequence[str], info: DatasetInfo) -> Inputs:
    paths = [path for word in words for path in _image_files(word)]
    values = np.stack([_image(path, info) for path in paths])
    return Inputs(tuple(paths), torch.from_numpy(values))


def _image_files(word: str) -> Iterator[str]:
    folder = Path(word)
    if not folder.is_dir():
        yield word
        return
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGES and p.is_file())
    if not files:
        raise UsageError(f"{word} holds no images ({', '.join(IMAGES)})")
    yield from map(str, files)


def _image(path: str, info: DatasetInfo) -> Array:
    """Return an image in the run's size and channels: uint8 [C, H, W]."""
    from PIL import Image

    if info.floats:
        raise UsageError(
            f"{path}: {info.name} has images of floats outside [0, 1], and files hold bytes. From "
            "Python: lab.load(RUN).predict(array)"
        )
    channels, height, width = info.shape
    try:
        return Decoder((width, height), channels == 1)(Path(path))
    except (*BROKEN, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or "it is no image"
        raise UsageError(f"{path} cannot be read: {why}") from error
