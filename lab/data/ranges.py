"""Measure the ranges of the inputs and targets of a dataset."""

from __future__ import annotations

from typing import Any

import numpy as np

from lab.data.dataset import IN_WORDS, Array, Dataset
from lab.data.dataset_info import sampled


def ranges(dataset: Dataset, rows: Array) -> list[dict[str, Any]]:
    """Return name, min, max, mean and std of each channel, column or feature of a step, in the
    source's own unit, over `rows`, and of the values to predict; of much data, over a sample.

    A column of a table comes with its type, its categories where it has some, which then have no
    range, and the number of missing values, which are not counted.
    """
    entries = []
    if dataset.kind not in IN_WORDS:
        values = sampled(dataset, rows)
        names = dataset.features or tuple(_names(dataset, values.shape[1]))
        entries += [_range(name, column) for name, column in zip(names, values.T, strict=True)]
        for entry, column in zip(entries, dataset.columns, strict=False):
            entry |= {"type": column.type, "categories": list(column.categories)}
            if column.categories:
                entry |= dict.fromkeys(("min", "max", "mean", "std"))
    if dataset.task == "regress":
        assert dataset.targets is not None
        targets = dataset.targets[rows].reshape(len(rows), -1)
        for number, value in enumerate(targets.T):
            named = number < len(dataset.target)
            name = dataset.target[number] if named else f"target {number}"
            entries.append(_range(name, value))
    return entries


def _names(dataset: Dataset, count: int) -> list[str]:
    word = {"table": "column", "sequence": "feature"}.get(dataset.kind, "channel")
    return [f"{word} {i}" for i in range(count)]


def _range(name: str, values: Array) -> dict[str, Any]:
    missing = np.isnan(values)
    entry: dict[str, Any] = {"name": name, "missing": int(missing.sum())}
    present = values[~missing]
    if not len(present):
        return entry | dict.fromkeys(("min", "max", "mean", "std"))
    return entry | {
        "min": float(present.min()),
        "max": float(present.max()),
        "mean": float(present.mean(dtype=np.float64)),
        "std": float(present.std(dtype=np.float64)),
    }
