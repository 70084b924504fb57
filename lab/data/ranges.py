"""Measure the ranges of the inputs and targets of a dataset."""

from __future__ import annotations

from typing import Any

import numpy as np

from lab.data.dataset import IN_WORDS, Array, Dataset
from lab.data.dataset_info import sampled


def ranges(dataset: Dataset, rows: Array) -> list[dict[str, Any]]:
    """Return name, min, max, mean and std of each channel, column or feature of a step, in the
    source's own unit, over `rows`, and of the values to predict; of much data, over a sample."""
    entries = []
    if dataset.kind not in IN_WORDS:
        values = sampled(dataset, rows)
        names = dataset.features or tuple(_names(dataset, values.shape[1]))
        entries += [_range(name, column) for name, column in zip(names, values.T, strict=True)]
    if dataset.task == "regress":
        assert dataset.targets is not None
        targets = dataset.targets[rows].reshape(len(rows), -1)
        entries += [_range(f"target {i}", column) for i, column in enumerate(targets.T)]
    return entries


def _names(dataset: Dataset, count: int) -> list[str]:
    word = {"table": "column", "sequence": "feature"}.get(dataset.kind, "channel")
    return [f"{word} {i}" for i in range(count)]


def _range(name: str, values: Array) -> dict[str, Any]:
    return {
        "name": name,
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean(dtype=np.float64)),
        "std": float(values.std(dtype=np.float64)),
    }
