"""Read the inputs to predict from: arrays and tables in Python, image files or rows of numbers in
a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.capabilities import Predict
from lab.data.dataset import Array
from lab.data.dataset_info import DatasetInfo
from lab.errors import UsageError


def as_inputs(values: Any, info: DatasetInfo, device: torch.device) -> Tensor:
    """Return inputs [B, ...] of a source, on a device, from the argument of `predict`: an array, a
    tensor, lists, or a table with columns, which are selected by name where the source has names.

    Values are in the source's own units: images are bytes from 0 to 255, or floats as the source
    has them. Raises UsageError where they are of another shape, or no finite numbers.
    """
    inputs = (
        values.detach() if isinstance(values, Tensor) else torch.from_numpy(_array(values, info))
    )
    if tuple(inputs.shape[1:]) != info.shape or not inputs.dim():
        shape = ", ".join(map(str, ("B", *info.shape)))
        raise UsageError(f"{info.name} has inputs [{shape}]; these are {list(inputs.shape)}")
    integers = not inputs.is_floating_point() and inputs.dtype != torch.uint8
    if integers and info.kind in ("image", "video"):
        if bool((inputs < 0).any()) or bool((inputs > 255).any()):
            raise UsageError("whole numbers in images are bytes: from 0 to 255")
        inputs = inputs.to(torch.uint8)
    if inputs.is_floating_point() and not bool(torch.isfinite(inputs).all()):
        raise UsageError("the inputs hold what is no finite number")
    return inputs.to(device)


def _array(values: Any, info: DatasetInfo) -> Any:
    """Return an array of numbers. float64 becomes float32, which networks compute in."""
    if hasattr(values, "columns") and hasattr(values, "to_numpy"):
        absent = [name for name in info.features if name not in values.columns]
        if absent:
            raise UsageError(f"{info.name} has columns that these rows lack: {', '.join(absent)}")
        values = (values[list(info.features)] if info.features else values).to_numpy()
    try:
        array = np.array(values)  # a copy: the argument may be read-only
        return array if array.dtype.kind in "iub" else array.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the inputs are no array of numbers: {error}") from error


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
