"""Choose how a network begins, from the size of its pictures.

The networks for ImageNet divide 224 pixels by 32, and most of that at once: a 32-pixel picture
would be one pixel before the depth began. The small stem starts at full resolution.
"""

from __future__ import annotations

from typing import Literal

STEMS = ("auto", "full", "small")
FULL_FROM = 65  # the shorter side in pixels from which "auto" takes the paper's own stem
SMALLEST = 8  # with the small stem: it still divides by 8


def choose_stem(
    size: tuple[int, int], stem: str = "auto", full_from: int = FULL_FROM
) -> Literal["full", "small"]:
    """Return "full" or "small" for pictures of `size` (height, width), or as `stem` orders."""
    if stem == "auto":
        return "full" if min(size) >= full_from else "small"
    return "full" if stem == "full" else "small"


def poolings_that_fit(
    size: tuple[int, int], kernel: int, count: int
) -> tuple[list[bool], tuple[int, int]]:
    """Tell which of `count` windows of stride 2, one after another, fit, and return the size left.

    A window leaves at least 2 x 2 pixels to the convolutions behind it: at 1 x 1 they would see
    mostly padding, and each would shrink the signal by two thirds. The last one may leave 1 x 1.
    """
    fit = []
    for number in range(count):
        after = ((size[0] - kernel) // 2 + 1, (size[1] - kernel) // 2 + 1)
        fit.append(min(after) >= (1 if number == count - 1 else 2))
        size = after if fit[-1] else size
    return fit, size
