"""Read what a person wants predicted: arrays and tables in Python, image files or rows of numbers
in a command."""

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
    """Return inputs [B, ...] of a source, on a device, of what a person hands to `predict`: an
    array, a tensor, lists, or a table with columns, which are taken by their names where the
    source has names.

    Values are in the source's own units: images are bytes from 0 to 255, or floats as the source
    has them. Raises UsageError where they are of another shape, or no finite numbers.
    """
    found = (
        values.detach() if isinstance(values, Tensor) else torch.from_numpy(_array(values, info))
    )
    if tuple(found.shape[1:]) != info.shape or not found.dim():
        wanted = ", ".join(map(str, ("B", *info.shape)))
        raise UsageError(f"{info.name} has inputs [{wanted}]; these are {list(found.shape)}")
    whole = not found.is_floating_point() and found.dtype != torch.uint8
    if whole and info.kind in ("image", "video"):
        if bool((found < 0).any()) or bool((found > 255).any()):
            raise UsageError("whole numbers in images are bytes: from 0 to 255")
        found = found.to(torch.uint8)
    if found.is_floating_point() and not bool(torch.isfinite(found).all()):
        raise UsageError("the inputs hold what is no finite number")
    return found.to(device)


def _array(values: Any, info: DatasetInfo) -> Any:
    """Return an array of numbers. float64 becomes float32, which networks compute in."""
    if hasattr(values, "columns") and hasattr(values, "to_numpy"):
        absent = [name for name in info.features if name not in values.columns]
        if absent:
            raise UsageError(f"{info.name} has columns that these rows lack: {', '.join(absent)}")
        values = (values[list(info.features)] if info.features else values).to_numpy()
    try:
        array = np.array(values)  # a copy: what is lent may be read-only
        return array if array.dtype.kind in "iub" else array.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the inputs are no array of numbers: {error}") from error


def read_inputs(words: Sequence[str], info: DatasetInfo) -> Tensor:
    """Return inputs [B, ...] as the source of a run gives them.

    Images are brought to the run's size and channels. Raises UsageError that names what cannot be
    read.
    """
    if info.kind not in ("image", "table"):
        raise UsageError(
            f"{info.name} is {info.kind} data; images and rows of numbers can be predicted from"
        )
    if not words:
        wanted = "image files" if info.kind == "image" else f"{info.shape[0]} numbers: 1,2.5,..."
        raise UsageError(f"Nothing to predict. Give {wanted}.")
    read = _image if info.kind == "image" else _row
    return torch.from_numpy(np.stack([read(word, info) for word in words]))


def ranked(answers: Array, asked: Predict, info: DatasetInfo) -> list[dict[str, Any]]:
    """Return for each input its likeliest classes, of probabilities [B, K], or its values where
    there are no classes."""
    found = []
    for word, row in zip(asked.inputs, torch.from_numpy(answers), strict=True):
        if not info.classes:
            found.append({"input": word, "values": row.tolist()})
            continue
        chances, numbers = row.topk(min(asked.top, len(info.classes)))
        named = zip(numbers.tolist(), chances.tolist(), strict=True)
        found.append({"input": word, "classes": {info.classes[n]: c for n, c in named}})
    return found


def _image(word: str, info: DatasetInfo) -> Any:
    from PIL import Image

    channels, height, width = info.shape
    try:
        with Image.open(Path(word)) as picture:
            shown = picture.convert("L" if channels == 1 else "RGB").resize((width, height))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or "it is no image"
        raise UsageError(f"{word} cannot be read: {why}") from error
    return np.asarray(shown, np.uint8).reshape(height, width, -1).transpose(2, 0, 1)


def _row(word: str, info: DatasetInfo) -> Any:
    try:
        numbers = [float(part) for part in word.split(",")]
    except ValueError as error:
        raise UsageError(f"{word!r} is no row of numbers: write 5.1,3.5,1.4") from error
    if len(numbers) != info.shape[0]:
        wanted = info.shape[0]
        raise UsageError(f"{word!r} has {len(numbers)} numbers; the run learned from {wanted}")
    row = np.array(numbers, np.float32)
    if not np.isfinite(row).all():
        raise UsageError(f"{word!r} holds what is no finite number")
    return row
