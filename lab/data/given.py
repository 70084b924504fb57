"""Bring what a script or a notebook holds into numpy and pandas: arrays, tensors, tables, texts,
torch data sets. What is learned of it is decided elsewhere, when the options are known.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lab.data import fingerprint
from lab.data.dataset import Array, Dataset
from lab.data.tables import as_frame
from lab.errors import UsageError
from lab.messages import describe, slug

DIGITS = 6  # of a digest in a name


@dataclass(frozen=True)
class Examples:
    """Examples as they were given, before it is decided what is learned of them.

    inputs: an array [N, ...], a pandas DataFrame, or a list of texts. labels: an array [N, ...], or
    None.
    """

    inputs: Any
    labels: Array | None = None


def read(value: Any) -> Dataset | Examples:
    """Return examples in numpy and pandas.

    value: inputs, a pair (inputs, labels), a torch `Dataset` of such items or of inputs, or a
    `lab.Dataset`. Inputs are an array or tensor [N, ...], a DataFrame or a list of texts. Raises
    UsageError for anything else.
    """
    if isinstance(value, Dataset):
        _check_arrays(value)
        return value
    if isinstance(value, tuple):
        if len(value) != 2:
            raise UsageError(f"data=... is a tuple of {len(value)}; pass a pair (X, y)")
        return Examples(_inputs(value[0]), _labels(value[1]))
    if _has_items(value):
        return _read_items(value)
    return Examples(_inputs(value))


def name_of(value: Any) -> str:
    """Return a word for what was given."""
    inputs = value[0] if isinstance(value, tuple) else value
    if _is_frame(inputs):
        return "frame"
    if _is_texts(inputs):
        return "texts"
    if isinstance(inputs, Dataset):
        return "dataset"
    return slug(type(value).__name__) if _has_items(value) else "arrays"


def digest(examples: Dataset | Examples) -> str:
    """Return a short digest of the content, so that runs on other data have another name."""
    content = hashlib.sha256()
    if isinstance(examples, Dataset):
        content.update(json.dumps(fingerprint.digests(examples), sort_keys=True).encode())
    else:
        for part in (examples.inputs, examples.labels):
            content.update(_content(part))
    return content.hexdigest()[:DIGITS]


def _check_arrays(dataset: Dataset) -> None:
    """Raise UsageError for fields of a dataset that are no arrays, as a person may fill them."""
    names = ("targets", "test", "groups", "mask", "trees")
    fields = {name: getattr(dataset, name) for name in names}
    for name, value in {**fields, **dataset.factors}.items():
        if value is not None and not isinstance(value, np.ndarray):
            raise UsageError(
                f"data=...: {name} of a lab.Dataset is a {type(value).__name__}, not a numpy array"
            )
    inputs = dataset.inputs
    if hasattr(inputs, "detach") or not (hasattr(inputs, "shape") or _is_texts(inputs)):
        raise UsageError(
            f"data=...: inputs of a lab.Dataset are a {type(inputs).__name__}, no numpy array and "
            "no list of texts"
        )


def _inputs(value: Any) -> Any:
    if _is_frame(value):
        return as_frame(value)
    if _is_texts(value):
        return list(value)
    if isinstance(value, list) and value and isinstance(value[0], str):
        row = next(row for row, item in enumerate(value) if not isinstance(item, str))
        raise UsageError(f"data=...: text {row} is {value[row]!r}, no text: leave it out")
    array = _array(value, "inputs")
    if array.ndim == 0:
        raise UsageError(
            f"data=... is a {type(value).__name__}; pass a pair (X, y), a DataFrame, a torch or "
            "lab.Dataset, or a list of texts"
        )
    if array.dtype.kind not in "fiub":
        raise UsageError(
            f"data=...: inputs of type {array.dtype} are no numbers; a table with texts is a "
            "DataFrame, texts alone a list"
        )
    if array.ndim < 2:
        raise UsageError(
            f"data=...: inputs of shape {list(array.shape)} are no examples [N, ...]; "
            "one number each is X[:, None]"
        )
    return array


def _labels(value: Any) -> Array:
    labels = _array(value, "labels")
    if labels.ndim == 0:
        raise UsageError(f"data=...: y is one {type(value).__name__}, not a label for each example")
    return labels


def _array(value: Any, what: str) -> Array:
    """Return an array of numbers or texts of whatever torch, numpy or Python hold."""
    try:
        if hasattr(value, "detach"):
            return np.asarray(value.detach().cpu().numpy())
        if isinstance(value, (list, tuple)) and value and hasattr(value[0], "__array__"):
            return np.stack([_array(item, what) for item in value])
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UsageError(
            f"data=...: {what} of type {type(value).__name__} are no array: {error}"
        ) from error


def _is_frame(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "dtypes")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def _has_items(value: Any) -> bool:
    """Tell whether `value` is read by `len` and `__getitem__` alone, as torch's data sets are."""
    known = isinstance(value, (Dataset, list, tuple, str, dict)) or _is_frame(value)
    return not known and not hasattr(value, "__array__") and hasattr(value, "__getitem__")


def _read_items(items: Any) -> Examples:
    """Read a torch data set of pairs (input, label), or of inputs, once and whole."""
    kind = type(items).__name__
    try:
        listed = [items[index] for index in range(len(items))]
    except Exception as error:  # a data set of the user's may fail in any way
        raise UsageError(f"data=...: {kind} cannot be read: {describe(error)}") from error
    if not listed:
        raise UsageError(f"data=...: {kind} is empty")
    lengths = {len(item) if isinstance(item, (tuple, list)) else 1 for item in listed}
    if lengths - {1, 2} or len(lengths) > 1 or isinstance(listed[0], dict):
        raise UsageError(f"data=...: the items of {kind} are no pairs (input, label)")
    first = [item[0] if isinstance(item, (tuple, list)) else item for item in listed]
    inputs = first if _is_texts(first) else _inputs(_stacked(first, kind))
    return Examples(inputs, _labels([item[1] for item in listed]) if lengths == {2} else None)


def _stacked(inputs: Iterable[Any], kind: str) -> Array:
    arrays = [_array(item, "inputs") for item in inputs]
    for index, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            raise UsageError(
                f"data=...: item {index} of {kind} has shape {list(array.shape)}, item 0 "
                f"{list(arrays[0].shape)}"
            )
    return np.stack(arrays)


def _content(part: Any) -> bytes:
    if part is None:
        return b""
    if isinstance(part, pd.DataFrame):
        hashes = pd.util.hash_pandas_object(part, index=False, categorize=False)
        return json.dumps(list(part.columns)).encode() + bytes(hashes.to_numpy())
    if isinstance(part, list) or part.dtype.kind not in "fiub":
        return json.dumps([str(item) for item in part]).encode()
    return f"{part.dtype.str}{part.shape}".encode() + bytes(np.ascontiguousarray(part))
