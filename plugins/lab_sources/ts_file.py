"""Read a `.ts` file of the UEA and UCR archives of time series (Bagnall et al., 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import lab
from lab_sources.sdf import Array


@dataclass(frozen=True)
class Series:
    """Series of F values a step: each float32 [T, F], and the class of each, a word."""

    values: list[Array]
    labels: list[str]


def parsed(text: str, name: str) -> Series:
    """Return the series after the line `@data`: a line for each, its dimensions parted by `:`, the
    steps of each by `,`, the class last. What stands before it is not needed.

    Raises UsageError, which calls the file `name`, for a line that holds something else.
    """
    lines = text.splitlines()
    start = next((n for n, line in enumerate(lines) if line.strip().lower() == "@data"), None)
    if start is None:
        raise lab.UsageError(f"{name}: there is no line @data")
    series = Series([], [])
    for number, line in enumerate(lines[start + 1 :], start + 2):
        if not line.strip():
            continue
        *dimensions, label = line.strip().split(":")
        try:
            values = np.array([d.split(",") for d in dimensions], np.float32)
        except ValueError as error:
            raise lab.UsageError(
                f"{name}, line {number}: no series of numbers, of equal length by dimension"
            ) from error
        series.values.append(values.T)
        series.labels.append(label)
    return series


def padded(values: list[Array]) -> tuple[Array, Array | None]:
    """Return series as one array [N, T, F], filled up with zeros, and which steps there are, bool
    [N, T]; None where all are equally long."""
    lengths = np.array([len(steps) for steps in values])
    longest = int(lengths.max())
    out = np.zeros((len(values), longest, values[0].shape[1]), np.float32)
    for row, steps in zip(out, values, strict=True):
        row[: len(steps)] = steps
    mask = np.arange(longest) < lengths[:, None]
    return out, None if mask.all() else mask
