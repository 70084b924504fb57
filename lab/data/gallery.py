"""Show some examples of a dataset as one picture."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np

from lab.data.dataset import IN_WORDS, Array, Dataset
from lab.data.tokens import sentence

TILES = 48
STRIPS = 8  # clips
FRAMES = 12  # of a clip
POINTS = 5_000
COLUMNS = 8
LINE = 22  # characters over an example


def gallery(dataset: Dataset, rows: Array) -> Any | None:
    """Return a matplotlib figure of examples among `rows`, as many of each class where there are
    classes; None for what cannot be seen: words, and tables of more than two columns.

    Images are tiles under the names of their classes, masks a film of color over them, clips
    strips of frames, sequences and series lines over their steps, and points a scatter colored by
    class.
    """
    if dataset.kind in IN_WORDS or (dataset.kind == "table" and dataset.shape != (2,)):
        return None
    if dataset.kind == "table":
        return _scatter(dataset, rows[:: max(1, len(rows) // POINTS)])
    if dataset.kind == "video":
        return _strips(dataset, rows[:STRIPS])
    if dataset.kind == "series":
        return _series(dataset, rows)
    if dataset.kind == "sequence":
        return _lines(dataset, _mixed(dataset, rows))
    return _tiles(dataset, _mixed(dataset, rows))


def _mixed(dataset: Dataset, rows: Array) -> Array:
    """Return some rows in which the classes take turns."""
    targets = dataset.targets
    if dataset.task != "classify" or targets is None or targets.ndim > 1:
        return rows[:TILES]
    by_class = [rows[targets[rows] == label] for label in range(len(dataset.classes))]
    turns = range(-(-TILES // max(1, len(by_class))))
    return np.array([some[turn] for turn in turns for some in by_class if turn < len(some)][:TILES])


def _figure(rows: int, columns: int) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * 1.2, rows * 1.35), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    return figure, axes


def _tiles(dataset: Dataset, rows: Array) -> Any:
    figure, axes = _figure(-(-len(rows) // COLUMNS), COLUMNS)
    images = dataset.inputs[rows]
    for axis, row, image in zip(axes.flat, rows, images, strict=False):
        _show(axis, image)
        if dataset.task == "segment":
            assert dataset.targets is not None
            mask = dataset.targets[row]
            last = len(dataset.classes) - 1
            axis.imshow(np.ma.masked_equal(mask, 0), alpha=0.6, cmap="tab10", vmin=0, vmax=last)
        elif dataset.targets is not None:
            axis.set_title(_label(dataset, row), fontsize=7)
    return figure


def _strips(dataset: Dataset, rows: Array) -> Any:
    frames = min(FRAMES, dataset.shape[0])
    figure, axes = _figure(len(rows), frames)
    for line, row, clip in zip(axes, rows, dataset.inputs[rows], strict=True):
        for frame, axis in enumerate(line):
            _show(axis, clip[frame])
            if dataset.targets is not None:
                axis.set_title(_label(dataset, row, frame), fontsize=7)
    return figure


def _lines(dataset: Dataset, rows: Array) -> Any:
    """Draw a line for each feature of a sequence; all panels have one scale."""
    figure, axes = _figure(-(-len(rows) // COLUMNS), COLUMNS)
    sequences = dataset.inputs[rows]
    low, high = float(sequences.min()), float(sequences.max())
    room = 0.05 * (high - low) or 1.0
    for axis, row, sequence in zip(axes.flat, rows, sequences, strict=False):
        axis.plot(sequence, linewidth=1)
        axis.set_ylim(low - room, high + room)
        if _has_one_label(dataset):
            axis.set_title(_label(dataset, row), fontsize=7)
    return figure


def _series(dataset: Dataset, rows: Array) -> Any:
    """Draw a panel for each feature of a series."""
    from matplotlib.figure import Figure

    shown = min(dataset.shape[0], STRIPS)
    figure = Figure(figsize=(8, 1.6 * shown + 0.4), layout="constrained")
    axes = figure.subplots(shown, squeeze=False, sharex=True)[:, 0]
    values = dataset.inputs[rows]
    for number, axis in enumerate(axes):
        axis.plot(values[:, number], linewidth=0.8)
        axis.set_ylabel(dataset.features[number] if dataset.features else f"feature {number}")
    axes[-1].set_xlabel("step")
    return figure


def _scatter(dataset: Dataset, rows: Array) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), layout="constrained")
    axis = figure.subplots()
    points = dataset.inputs[rows]
    colors = None if dataset.targets is None else dataset.targets[rows].reshape(len(rows), -1)[:, 0]
    axis.scatter(points[:, 0], points[:, 1], c=colors, s=4, cmap="turbo")
    if dataset.features:
        axis.set_xlabel(dataset.features[0])
        axis.set_ylabel(dataset.features[1])
    axis.set_aspect("equal", adjustable="datalim")
    return figure


def _show(axis: Any, image: Array) -> None:
    """Show an image [C, H, W] of any number of channels."""
    if len(image) == 3:
        axis.imshow(image.transpose(1, 2, 0))
    else:
        axis.imshow(image[0], cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else None)


def _has_one_label(dataset: Dataset) -> bool:
    """Tell whether an example has one class, value or sentence, not one for each step."""
    targets = dataset.targets
    return targets is not None and (bool(dataset.target_vocabulary) or targets[0].size == 1)


def _label(dataset: Dataset, row: int, frame: int = 0) -> str:
    assert dataset.targets is not None
    target = np.atleast_1d(dataset.targets[row])
    if dataset.target_vocabulary:
        return fill(" ".join(sentence(target, dataset.target_vocabulary)), LINE)
    value = target[min(frame, len(target) - 1)]
    return dataset.classes[int(value)] if dataset.classes else f"{float(value):.3g}"
