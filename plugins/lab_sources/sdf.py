"""Draw plane figures by their signed distances: negative inside, in units of the figure.

Every figure covers the same area, 1, so that the amount of color does not tell its class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Distance = Callable[[Array, Array], Array]


def circle(x: Array, y: Array) -> Array:
    return np.asarray(np.hypot(x, y) - np.sqrt(1 / np.pi))


def square(x: Array, y: Array) -> Array:
    return np.maximum(np.abs(x), np.abs(y)) - 0.5


def triangle(x: Array, y: Array) -> Array:
    """An equilateral triangle: the intersection of three half planes."""
    inner = np.sqrt(1 / (3 * np.sqrt(3)))  # radius of the inscribed circle
    return np.asarray(_polygon(x, y, 3) - inner)


def star(x: Array, y: Array) -> Array:
    """A star of five points, each the figure between two lines."""
    angle = np.pi / 5
    turned = np.abs((np.arctan2(y, x) + angle) % (2 * angle) - angle)  # from the nearest point
    radius = np.hypot(x, y)
    tip, notch = 1.0, 0.45  # radii
    grow = np.sqrt(5 * tip * notch * np.sin(angle))  # its area, as drawn, is grow squared
    px, py = radius * np.cos(turned) * grow, radius * np.sin(turned) * grow
    ex, ey = notch * np.cos(angle) - tip, notch * np.sin(angle)
    return np.asarray((ex * py - ey * (px - tip)) / -np.hypot(ex, ey) / grow)


def cross(x: Array, y: Array) -> Array:
    """Two bars whose length is three times their width."""
    width = np.sqrt(1 / 5) / 2
    x, y = np.abs(x), np.abs(y)
    lying, standing = np.maximum(x - 3 * width, y - width), np.maximum(x - width, y - 3 * width)
    return np.asarray(np.minimum(lying, standing))


def ring(x: Array, y: Array) -> Array:
    outer, inner = 1.0, 0.6
    grow = np.sqrt(np.pi * (outer**2 - inner**2))
    middle, width = (outer + inner) / 2 / grow, (outer - inner) / 2 / grow
    return np.asarray(np.abs(np.hypot(x, y) - middle) - width)


def segment(x: Array, y: Array, length: Array, width: Array) -> Array:
    """A bar along x with round ends; it serves as clutter, so its area is its own."""
    return np.asarray(np.hypot(np.maximum(np.abs(x) - length, 0), y) - width)


def _polygon(x: Array, y: Array, sides: int) -> Array:
    """Return how far out each point lies in the direction of the nearest side."""
    angle = np.pi / sides
    turned = (np.arctan2(y, x) + angle) % (2 * angle) - angle
    return np.hypot(x, y) * np.cos(turned)


FIGURES: dict[str, Distance] = {
    "circle": circle,
    "square": square,
    "triangle": triangle,
    "star": star,
    "cross": cross,
    "ring": ring,
}


def cover(distance: Array, size: Array | float) -> Array:
    """Return how much of each pixel a figure of `size` pixels covers, 0 to 1: its edge is one pixel
    wide."""
    return np.clip(0.5 - distance * size, 0, 1)


def local(grid: Array, center: Array, size: Array, angle: Array) -> tuple[Array, Array]:
    """Return the pixels of `grid` [2, H, W] as figures at `center` [B, 2] of `size` [B], turned by
    `angle` [B], see them: x and y, each [B, H, W]."""
    dx = (grid[0] - center[:, 0, None, None]) / size[:, None, None]
    dy = (grid[1] - center[:, 1, None, None]) / size[:, None, None]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    return cos * dx + sin * dy, cos * dy - sin * dx


def pixels(side: int) -> Array:
    """Return the x and y of the middle of each pixel, [2, side, side]."""
    y, x = np.mgrid[:side, :side].astype(np.float32) + 0.5
    return np.stack([x, y])


def draw(kind: Array, grid: Array, center: Array, size: Array, angle: Array) -> Array:
    """Return how much of each pixel the figures of class `kind` [B] cover, [B, H, W]."""
    covered = np.zeros((len(kind), *grid.shape[1:]), np.float32)
    for number, distance in enumerate(FIGURES.values()):
        rows = np.flatnonzero(kind == number)
        x, y = local(grid, center[rows], size[rows], angle[rows])
        covered[rows] = cover(distance(x, y), size[rows, None, None])
    return covered
