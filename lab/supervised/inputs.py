"""Take the inputs to predict from: arrays and tables of a person's Python."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.data.dataset import Array
from lab.data.dataset_info import DatasetInfo
from lab.data.encoding import TableColumn
from lab.data.tables import as_frame, encode_frame
from lab.errors import InputWarning, UsageError
from lab.supervised.sentences import are_texts, token_rows


def as_inputs(values: Any, info: DatasetInfo, device: torch.device) -> Tensor:
    """Return inputs [B, ...] of a source, on a device, of what a person hands to `predict`: an
    array, a tensor or lists; of a table with names also a DataFrame, or a list of rows as mappings,
    whose columns are taken by name; of tokens also a list of texts. Texts are read as those of the
    source were.

    Values are in the source's own units: images are bytes from 0 to 255, or floats as the source
    has them; of a table None and NaN are missing, where training knew how to fill them. Raises
    UsageError where they are of another shape, or no finite numbers.
    """
    check_many(values)
    if info.kind == "tokens" and are_texts(values):
        return torch.from_numpy(token_rows(values, info)).to(device)
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


def check_many(values: Any) -> None:
    """Raise UsageError for one text, which would be read as a list of its characters."""
    if isinstance(values, str):
        raise UsageError("predict takes a list of texts: of one text, [text]")


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
    inputs, unknown = encode_frame(frame, columns_of(info), "the table")
    warn_of_unknown(unknown, len(frame))
    return inputs


def columns_of(info: DatasetInfo) -> tuple[TableColumn, ...]:
    """Return the columns of the table that a run learned from; unnamed ones are called by their
    number."""
    if info.encoding is not None:
        return info.encoding.columns
    names = info.features or tuple(f"column {number}" for number in range(info.shape[0]))
    return tuple(TableColumn(name) for name in names)


def warn_of_unknown(unknown: Mapping[str, int], rows: int) -> None:
    """Warn of categories that training never saw, by the number of them in each column."""
    for name, count in unknown.items():
        warnings.warn(
            f"{count:,} of {rows:,} values of {name} are none that training saw",
            InputWarning,
            stacklevel=2,
        )
