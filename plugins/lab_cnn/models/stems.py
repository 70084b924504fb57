"""Choose how a network begins, from the size of its pictures.

The networks for ImageNet divide 224 pixels by 32, and most of that at once: a 32-pixel picture
would be one pixel before the depth began. The small stem looks at every pixel first.
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


def poolings_that_fit(size: tuple[int, int], kernel: int, most: int) -> tuple[int, tuple[int, int]]:
    """Count the windows of stride 2 that fit one after another, and return the size left."""
    count = 0
    while count < most and min(size) >= kernel:
        size = ((size[0] - kernel) // 2 + 1, (size[1] - kernel) // 2 + 1)
        count += 1
    return count, size
