"""Draw answers beside the truth: counts of classes, and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

MOST = 5_000  # points of a picture; more are no clearer


class Answers:
    """Values that were predicted and true ones, as they come in batches."""

    def __init__(self) -> None:
        self.predicted: list[Tensor] = []
        self.true: list[Tensor] = []

    def __bool__(self) -> bool:
        return bool(self.predicted)

    def add(self, predicted: Tensor, true: Tensor) -> None:
        """Take values [B, K]."""
        self.predicted.append(predicted.detach().float().cpu().reshape(len(predicted), -1))
        self.true.append(true.detach().float().cpu().reshape(len(true), -1))

    def draw(self, names: Sequence[str] = ()) -> Any:
        """Return a matplotlib figure of what was predicted by what is true, a panel for each value;
        on the diagonal both are the same."""
        from matplotlib.figure import Figure

        predicted, true = (
            np.concatenate([part.numpy() for part in parts])[:MOST]
            for parts in (self.predicted, self.true)
        )
        number = min(4, true.shape[1])
        figure = Figure(figsize=(5.5 * number, 5.5), layout="constrained")
        for column, axes in enumerate(figure.subplots(1, number, squeeze=False)[0]):
            x, y = true[:, column], predicted[:, column]
            ends = min(x.min(), y.min()), max(x.max(), y.max())
            axes.plot(ends, ends, color="0.6", linewidth=1, zorder=0)
            axes.scatter(x, y, s=12, alpha=0.5, linewidths=0)
            name = names[column] if column < len(names) else f"value {column + 1}"
            axes.set(xlabel=f"true {name}", ylabel=f"predicted {name}")
            axes.grid(alpha=0.25)
        return figure


def draw_confusion(counts: Any, classes: tuple[str, ...]) -> Any:
    """Return a matplotlib figure of a confusion matrix: rows are true, columns predicted."""
    from matplotlib.figure import Figure

    side = max(5.5, 0.45 * len(classes) + 1.5)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(counts, cmap="Blues")
    axes.set(xlabel="predicted class", ylabel="true class")
    if len(classes) <= 30:
        places = range(len(classes))
        axes.set_xticks(places, classes, rotation=90)
        axes.set_yticks(places, classes)
        for row in places:
            for column in places:
                if counts[row, column]:
                    ink = "white" if counts[row, column] > counts.max() / 2 else "black"
                    axes.text(
                        column, row, str(counts[row, column]), ha="center", va="center", color=ink
                    )
    return figure
