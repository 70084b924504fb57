"""Read the inputs to predict from: arrays and tables in Python, image files or rows of numbers in
a command."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.capabilities import Predict
from lab.data.dataset import Array
from lab.data.dataset_info import DatasetInfo
from lab.data.encoding import TableColumn
from lab.data.tables import as_frame, encode_frame
from lab.errors import UsageError


def as_inputs(values: Any, info: DatasetInfo, device: torch.device) -> Tensor:
    """Return inputs [B, ...] of a source, on a device, of what a person hands to `predict`: an
    array, a tensor or lists; of a table with names also a DataFrame, or a list of rows as mappings,
    whose columns are taken by name. Texts in them are read as those of the source were.

    Values are in the source's own units: images are bytes from 0 to 255, or floats as the source
    has them; of a table None and NaN are missing, where training knew how to fill them. Raises
    UsageError where they are of another shape, or no finite numbers.
    """
    inputs = (
        values.detach() if isinstance(values, Tensor) else torch.from_numpy(_array(values, info))
    )
    if tuple(inputs.shape[1:]) != info.source_shape or not inputs.dim():
        expected = ", ".join(map(str, ("B", *info.source_shape)))
        raise UsageError(f"{info.name} has inputs [{expected}]; these are {list(inputs.shape)}")
    whole = not inputs.is_floating_point() and inputs.dtype != torch.uint8
    if whole and info.kind in ("image", "video"):
        if bool((inputs < 0).any()) or bool((inputs > 255).any()):
            raise UsageError("whole numbers in images are bytes: from 0 to 255")
        inputs = inputs.to(torch.uint8)
    if inputs.is_floating_point():
        infinite = torch.isinf(inputs) if info.encoding is not None else ~torch.isfinite(inputs)
        if bool(infinite.any()):
            raise UsageError("the inputs hold what is no finite number")
    return inputs.to(device)


def _array(values: Any, info: DatasetInfo) -> Array:
    """Return an array of numbers, of a table float64: it is standardized before it is rounded."""
    if info.kind == "table" and (info.features or info.encoding) and _has_fields(values):
        return table_rows(as_frame(values), info)
    try:
        array = np.array(values)  # a copy: what is passed in may be read-only
        if array.dtype.kind in "iub":
            return array
        return array.astype(np.float64 if info.kind == "table" else np.float32)
    except (TypeError, ValueError) as error:
        if info.encoding is not None:
            return table_rows(as_frame(values, info.features), info)
        raise UsageError(f"the inputs are no array of numbers: {error}") from error


def _has_fields(values: Any) -> bool:
    """Tell whether values are a DataFrame of any library, or rows as mappings."""
    if hasattr(values, "columns"):
        return True
    return isinstance(values, Sequence) and bool(values) and isinstance(values[0], Mapping)


def table_rows(frame: Any, info: DatasetInfo) -> Array:
    """Return rows of a pandas DataFrame as the columns that a run learned from [B, F]; warn of
    categories that it never saw, which count as none."""
    columns = info.encoding.columns if info.encoding else [TableColumn(n) for n in info.features]
    inputs, unknown = encode_frame(frame, columns, "the table")
    for name, count in unknown.items():
        warnings.warn(
            f"{count:,} of {len(frame):,} values of {name} are none that training saw", stacklevel=2
        )
    return inputs


def read_inputs(words: Sequence[str], info: DatasetInfo) -> Tensor:
    """Return inputs [B, ...] in the format of a run's source.

    Images are brought to the run's size and channels. Raises UsageError that names what cannot be
    read.
    """
    if info.kind not in ("image", "table"):
        raise UsageError(
            f"{info.name} is {info.kind} data; images and rows of numbers can be predicted from"
        )
    if not words:
        expected = "image files" if info.kind == "image" else f"{info.shape[0]} numbers: 1,2.5,..."
        raise UsageError(f"Nothing to predict. Give {expected}.")
    read = _image if info.kind == "image" else _row
    return torch.from_numpy(np.stack([read(word, info) for word in words]))


def ranked(answers: Array, options: Predict, info: DatasetInfo) -> list[dict[str, Any]]:
    """Return for each input its likeliest classes by probabilities [B, K], or its values where
    there are no classes."""
    rows = []
    for word, row in zip(options.inputs, torch.from_numpy(answers), strict=True):
        if not info.classes:
            rows.append({"input": word, "values": row.tolist()})
            continue
        probabilities, classes = row.topk(min(options.top, len(info.classes)))
        named = zip(classes.tolist(), probabilities.tolist(), strict=True)
        rows.append({"input": word, "classes": {info.classes[n]: p for n, p in named}})
    return rows


def _image(word: str, info: DatasetInfo) -> Any:
    from PIL import Image

    channels, height, width = info.shape
    try:
        with Image.open(Path(word)) as picture:
            pixels = picture.convert("L" if channels == 1 else "RGB").resize((width, height))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or "it is no image"
        raise UsageError(f"{word} cannot be read: {why}") from error
    return np.asarray(pixels, np.uint8).reshape(height, width, -1).transpose(2, 0, 1)


def _row(word: str, info: DatasetInfo) -> Any:
    try:
        values = [float(part) for part in word.split(",")]
    except ValueError as error:
        raise UsageError(f"{word!r} is no row of numbers: write 5.1,3.5,1.4") from error
    if len(values) != info.shape[0]:
        expected = info.shape[0]
        raise UsageError(f"{word!r} has {len(values)} numbers; the run learned from {expected}")
    row = np.array(values, np.float32)
    if not np.isfinite(row).all():
        raise UsageError(f"{word!r} holds what is no finite number")
    return row
