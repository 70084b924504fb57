"""Make a dataset of examples that were given in Python: shapes and labels tell what is learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lab import memory
from lab.data import tables
from lab.data.dataset import Array, Dataset
from lab.data.encoding import TableColumn
from lab.data.given import Examples
from lab.errors import UsageError

CHANNELS = (1, 3, 4)
NUMBERED = {"image": 3, "sequence": 2, "video": 2}  # axes of class numbers of pixels or steps
SEQUENCES = "read as sequences [N, T, F]; images with one channel would be X[:, None]"


def load(name: str, target: str, task: str, drop: str) -> Dataset:
    """Return the examples that are held as `memory:name`."""
    return dataset(_find(name), f"{memory.MEMORY}:{name}", target, task, drop)


def infer_task(name: str, target: str, task: str, drop: str) -> str:
    """Say what they are for."""
    examples = _find(name)
    if isinstance(examples, Examples) and isinstance(examples.inputs, pd.DataFrame):
        frame, target = _frame(examples, target)
        chosen, _ = tables.choose_target(list(frame.columns), target, f"{memory.MEMORY}:{name}")
        return tables.task_of(frame[chosen], f"{memory.MEMORY}:{name}")
    return load(name, target, task, drop).task


def dataset(
    examples: Dataset | Examples, name: str, target: str = "", task: str = "auto", drop: str = ""
) -> Dataset:
    """Return the examples of a source. target, drop: columns of a table, as `tables.from_frame`
    takes them, those to drop joined by +. task: classify, regress, segment or auto.

    Raises UsageError for shapes that are no inputs or labels.
    """
    if isinstance(examples, Examples) and isinstance(examples.inputs, pd.DataFrame):
        frame, target = _frame(examples, target)
        dropped = [word.strip() for word in drop.split("+") if word.strip()]
        return tables.from_frame(frame, name, target=target, task=task, drop=dropped)
    if target or drop:
        option = "target" if target else "drop"
        raise UsageError(f"{name}: {option} names a column of a DataFrame; this is none")
    if isinstance(examples, Dataset):
        return examples
    if isinstance(examples.inputs, list):
        classes, targets = _targets(examples.labels, "text", task, name)
        return Dataset(examples.inputs, targets, classes)
    inputs, notes = _shaped(examples.inputs, name)
    known = Dataset(inputs)
    classes, targets = _targets(examples.labels, known.kind, task, name)
    columns = _numbered(inputs) if known.kind == "table" and np.isnan(inputs).any() else ()
    return Dataset(inputs, targets, classes, columns=columns, notes=notes)


def _find(name: str) -> Any:
    return memory.find(f"{memory.MEMORY}:{name}", "data")


def _frame(examples: Examples, target: str) -> tuple[pd.DataFrame, str]:
    """Return a table, with its labels for a last column where they came beside it."""
    frame = examples.inputs
    if examples.labels is None:
        return frame, target
    if target:
        raise UsageError(f"target={target}: the labels came beside the table, as (X, y)")
    title = "target" if "target" not in frame.columns else "target of (X, y)"
    if len(examples.labels) != len(frame):
        raise UsageError(f"data=...: {len(frame)} rows, but {len(examples.labels)} labels")
    return frame.assign(**{title: examples.labels}), title


def _shaped(inputs: Array, name: str) -> tuple[Array, tuple[str, ...]]:
    """Return inputs in the shape and type of their kind, and what to say of that."""
    if inputs.ndim == 2:
        return _as_floats(inputs, np.float64), ()
    if inputs.ndim == 3 and inputs.dtype == np.uint8:
        return inputs[:, None], ()
    if inputs.ndim == 3:
        return _as_floats(inputs, np.float32), (SEQUENCES,)
    if inputs.ndim == 4 and inputs.shape[-1] in CHANNELS and inputs.shape[1] not in CHANNELS:
        inputs = np.moveaxis(inputs, -1, 1)
    if inputs.ndim in (4, 5):
        return np.ascontiguousarray(_as_pixels(inputs)), ()
    raise UsageError(f"{name}: inputs of shape {list(inputs.shape)} are of no kind that is known")


def _as_floats(values: Array, otherwise: Any) -> Array:
    """Return float32 and float64 as they are, other numbers in the type `otherwise`."""
    return values if values.dtype in (np.float32, np.float64) else values.astype(otherwise)


def _as_pixels(images: Array) -> Array:
    """Return images as bytes, where they are whole numbers from 0 to 255, or float32."""
    if images.dtype == np.bool_:
        return images.astype(np.uint8) * 255
    whole = images.dtype.kind in "iu" and images.size
    if whole and images.min() >= 0 and images.max() <= 255:
        return images.astype(np.uint8, copy=False)
    return images.astype(np.float32, copy=False)


def _numbered(inputs: Array) -> tuple[TableColumn, ...]:
    """Describe the columns of a table without names that lacks some values."""
    return tuple(TableColumn(f"column {number}") for number in range(inputs.shape[1]))


def _targets(
    labels: Array | None, kind: str, task: str, name: str
) -> tuple[tuple[str, ...], Array | None]:
    """Return the names of the classes and class numbers, or no names and values [N, D]."""
    if labels is None:
        return (), None
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 1:
        series = pd.Series(labels)
        if labels.dtype.kind not in "fiub" and series.isna().any():
            raise UsageError(f"{name}: row {int(series.isna().argmax())} lacks a label")
        return tables.read_target(series, "y", _task(series, kind, task), name)
    if labels.dtype.kind == "f" or (task == "regress" and labels.dtype.kind in "iub"):
        return (), _as_floats(labels, np.float64)
    if labels.dtype.kind in "iub" and labels.ndim == NUMBERED.get(kind):
        return _numbers(labels)
    raise UsageError(
        f"{name}: labels of type {labels.dtype} and shape {list(labels.shape)}: classes are [N], "
        "values to predict floats [N, D]"
    )


def _task(labels: pd.Series[Any], kind: str, task: str) -> str:
    """Say what labels [N] are for: floats are regressed; texts, booleans and whole numbers are
    classes, but the latter of a table only where there are few."""
    if task != "auto":
        return task
    if labels.dtype.kind == "f":
        return "regress"
    return tables.task_of(labels, "y") if kind == "table" else "classify"


def _numbers(labels: Array) -> tuple[tuple[str, ...], Array]:
    """Return classes that are numbered from 0, of pixels or steps, and their names."""
    largest = int(labels.max()) if labels.size else 0
    small = labels.ndim == 3 and labels.min() >= 0 and largest <= 255
    classes = tuple(map(str, range(largest + 1)))
    return classes, labels.astype(np.uint8 if small else np.int64)
