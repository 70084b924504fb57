"""Pictures of any shape are shown as they are, under a title that is whole."""

from __future__ import annotations

import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from lab_capsnet.board import Board


@pytest.mark.parametrize("shape", [(3, 20, 20), (1, 17, 41), (3, 60, 6)])
def test_pictures_keep_the_ratio_of_their_sides(shape) -> None:
    board = Board(2, 3, "title")
    board.show(1, 2, torch.rand(shape), "caption")
    left, right, bottom, top = board.axes.images[0].get_extent()
    assert (bottom - top) / (right - left) == pytest.approx(shape[1] / shape[2])
    assert 2 <= left < right <= 3
    assert 1.2 <= top < bottom <= 2.4


def test_a_long_title_is_not_cut() -> None:
    board = Board(2, 3, "the longest capsules, their lengths, and where their parts are taken from")
    FigureCanvasAgg(board.figure).draw()
    title, figure = board.axes.title.get_window_extent(), board.figure.bbox
    assert figure.x0 <= title.x0 < title.x1 <= figure.x1
