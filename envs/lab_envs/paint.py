"""Paint tiles and discs on a frame of square cells."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Frame = NDArray[np.uint8]
Color = tuple[int, int, int]


def canvas(rows: int, columns: int, cell: int, color: Color) -> Frame:
    """A frame `[rows * cell, columns * cell, 3]` of one color."""
    return np.full((rows * cell, columns * cell, 3), color, dtype=np.uint8)


def tile(
    frame: Frame, place: tuple[int, int], cell: int, color: Color, inset: tuple[int, int] = (1, 1)
) -> None:
    """Fill the cell at `place` (row, column), but for `inset` (vertical, horizontal) pixels."""
    down, across = inset
    square = _square(frame, place, cell)
    square[down : cell - down, across : cell - across] = color


def disc(frame: Frame, place: tuple[int, int], cell: int, color: Color, size: float = 0.7) -> None:
    """Blend a disc of diameter `size` cells, with a smooth edge, into the cell at `place`."""
    offsets = np.arange(cell) - (cell - 1) / 2
    distance = np.hypot(offsets[:, None], offsets[None, :])  # [cell, cell], pixels
    alpha = np.clip(size * cell / 2 - distance + 0.5, 0.0, 1.0)[..., None]
    square = _square(frame, place, cell)
    square[:] = np.rint((1 - alpha) * square + alpha * np.array(color))


def _square(frame: Frame, place: tuple[int, int], cell: int) -> Frame:
    """The view `[cell, cell, 3]` of one cell."""
    top, left = place[0] * cell, place[1] * cell
    return frame[top : top + cell, left : left + cell]
