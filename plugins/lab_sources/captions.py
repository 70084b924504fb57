"""Draw pictures of a figure, and say what they show."""

from __future__ import annotations

import numpy as np

import lab
from lab_sources import sdf, token_rows
from lab_sources.sdf import Array
from lab_sources.shapes import SIDE, paint

COLORS = {
    "red": (0.85, 0.1, 0.1), "green": (0.1, 0.65, 0.15), "blue": (0.15, 0.25, 0.9),
    "yellow": (0.9, 0.85, 0.1), "white": (0.95, 0.95, 0.95), "black": (0.05, 0.05, 0.05),
}  # fmt: skip
SIZES = {"small": (6, 7.5), "large": (10, 12)}  # root of the area, in pixels
GRAY = (0.35, 0.6)  # of the ground, from which each color is told
ROWS, COLUMNS = ("top", "", "bottom"), ("left", "", "right")
LONGEST = 8  # words of a caption
MARGIN = 8  # pixels between the middle of an outer place and the rim


def captions(n: int, difficulty: float, held_out: bool, seed: int) -> lab.Dataset:
    """Return pictures uint8 [n, 3, 32, 32] of a figure among clutter, and what they show as tokens
    int [n, 9]: "a large red circle at the top left".

    Six figures, six colors, two sizes and nine places are drawn alike. held_out: test on figures in
    the one color that training never shows them in. factors: figure, color, size and place [n], by
    number; position [n, 2] in pixels.
    """
    rng = np.random.default_rng(seed)
    figure, color = rng.integers(0, len(sdf.FIGURES), n), rng.integers(0, len(COLORS), n)
    size, place = rng.integers(0, len(SIZES), n), rng.integers(0, 9, n)
    position = _position(place, rng)
    gray = rng.uniform(*GRAY, (n, 1))
    drawn = {
        "ground": gray + rng.uniform(-0.05, 0.05, (n, 3)),
        "position": position,
        "size": _between(np.array(list(SIZES.values()))[size], rng),
        "angle": difficulty * rng.uniform(-np.pi, np.pi, n),
        "color": np.array(list(COLORS.values()))[color],
        "clutter": rng.integers(0, round(8 * difficulty) + 1, n),
    }
    images, _ = paint(figure, drawn, difficulty, rng)
    said = [
        caption(*numbers)
        for numbers in zip(*map(np.ndarray.tolist, (size, color, figure, place)), strict=True)
    ]
    words = vocabulary()
    return lab.Dataset(
        images,
        token_rows.rows(said, words, ends=True, steps=LONGEST + 1),
        test=figure == color if held_out else None,
        factors={
            "figure": figure, "color": color, "size": size, "place": place, "position": position
        },
        target_vocabulary=words,
    )  # fmt: skip


def caption(size: int, color: int, figure: int, place: int) -> list[str]:
    """Return the words of what is there, by the numbers of `captions`."""
    what = ("a", list(SIZES)[size], list(COLORS)[color], list(sdf.FIGURES)[figure])
    row, column = ROWS[place // 3], COLUMNS[place % 3]
    where = ("at", "the", row, column) if row or column else ("in", "the", "center")
    return [word for word in (*what, *where) if word]


def vocabulary() -> tuple[str, ...]:
    """Return all words, each once; the first one is the end."""
    listed = (*SIZES, *COLORS, *sdf.FIGURES, *filter(None, (*ROWS, *COLUMNS)))
    return token_rows.vocabulary([listed, ("a", "at", "in", "the", "center")])


def _position(place: Array, rng: np.random.Generator) -> Array:
    """Return x and y [N, 2] in pixels of the places 0 to 8, row by row, each a little off."""
    middles = np.array([MARGIN, SIDE / 2, SIDE - MARGIN])
    exact = np.stack([middles[place % 3], middles[place // 3]], axis=1)
    return np.asarray(exact + rng.uniform(-1.5, 1.5, exact.shape))


def _between(ranges: Array, rng: np.random.Generator) -> Array:
    """Return a number in each of the ranges [N, 2]."""
    return np.asarray(ranges[:, 0] + rng.random(len(ranges)) * (ranges[:, 1] - ranges[:, 0]))
