"""Lay captioned pictures and maps out in rows and columns."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np
from torch import Tensor

from lab.generative import showable

TALL, CAPTION, GAP = 1.2, 0.22, 0.03  # of a tile 1 wide: its height with a caption, that, a margin
LETTERS = 9  # of a title in an inch


class Board:
    """A figure of captioned tiles in rows and columns, each a square into which its picture is
    fitted. One pair of axes holds all of them: two hundred would take seconds. `side` of a tile: in
    inches."""

    def __init__(self, rows: int, columns: int, title: str, side: float = 1.0) -> None:
        from matplotlib.figure import Figure

        size = side * columns + 0.4, side * rows * TALL + 0.5
        self.figure = Figure(figsize=size, layout="constrained")
        self.axes = self.figure.add_subplot()
        self.axes.set(xlim=(0, columns), ylim=(rows * TALL, 0), aspect="equal")
        self.axes.axis("off")
        self.axes.set_title(fill(title, int(LETTERS * size[0])))
        self.last: Any = None

    def show(self, row: int, column: int, image: Tensor, caption: str) -> None:
        """Draw a picture [C, H, W] of numbers in [0, 1]."""
        pixels = showable(image[None].float())[0].clamp(0, 1).movedim(0, -1).cpu().numpy()
        colored = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
        self._place(row, column, colored, caption)

    def map(self, row: int, column: int, values: Tensor, highest: float, caption: str) -> None:
        """Draw numbers [H, W] from 0 to `highest` as colors."""
        self._place(row, column, values.numpy(), caption, vmin=0, vmax=highest, cmap="viridis")

    def explain(self, label: str) -> None:
        """Draw beside the tiles what the colors of maps say."""
        self.figure.colorbar(self.last, ax=self.axes, shrink=0.6, label=label)

    def _place(self, row: int, column: int, pixels: Any, caption: str, **colors: Any) -> None:
        high, wide = ((1 - 2 * GAP) * side / max(pixels.shape[:2]) for side in pixels.shape[:2])
        left, top = column + (1 - wide) / 2, row * TALL + CAPTION
        extent = (left, left + wide, top + high, top)
        self.last = self.axes.imshow(pixels, extent=extent, interpolation="nearest", **colors)
        self.axes.text(column + 0.5, top - GAP, caption, ha="center", fontsize="x-small")
