"""Draw color pictures of one figure each among clutter, with all that they were drawn from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

import lab
from lab_sources import sdf
from lab_sources.sdf import Array

SIDE = 32
LARGEST = 16  # root of a figure's area, in pixels
STROKES = 12  # at most
BLOCK = 500  # pictures drawn at a time: memory, not speed


def shapes(n: int, difficulty: float, task: str, held_out: bool, seed: int) -> lab.Dataset:
    """Return `n` images uint8 [n, 3, 32, 32] of circles, squares, triangles, stars, crosses and
    rings.

    The class depends on the form alone: place, size, angle and colors are drawn alike for each, and
    every figure covers the area that its size says. factors: position [n, 2] and size [n] in
    pixels, angle [n] in radians, color [n, 3] in 0..1, clutter [n], the number of strokes.
    """
    rng = np.random.default_rng(seed)
    factors = _factors(n, difficulty, rng)
    kind = rng.permutation(np.arange(n) % len(sdf.FIGURES))
    images, masks = paint(kind, factors, difficulty, rng)
    test = _held_out(kind, factors["position"]) if held_out else None
    names = tuple(sdf.FIGURES)
    if task == "segment":
        return lab.Dataset(
            images, masks, ("background", *names), test, factors={**factors, "figure": kind}
        )
    return lab.Dataset(images, kind, names, test, factors=factors)


def paint(
    kind: Array, factors: Mapping[str, Array], difficulty: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return pictures uint8 [N, 3, 32, 32] of the figures of class `kind` [N], and masks uint8 [N,
    32, 32] of classes, 0 where there is no figure; factors as `shapes` returns them,
    and if it should not be drawn the color of the ground [N, 3]."""
    images = np.empty((len(kind), 3, SIDE, SIDE), np.uint8)
    masks = np.empty((len(kind), SIDE, SIDE), np.uint8)
    for start in range(0, len(kind), BLOCK):
        rows = slice(start, start + BLOCK)
        block = {name: values[rows] for name, values in factors.items()}
        images[rows], masks[rows] = _draw(kind[rows], block, difficulty, rng)
    return images, masks


def _factors(n: int, difficulty: float, rng: np.random.Generator) -> dict[str, Array]:
    """Draw what a picture is made of. `size` is the root of the figure's area."""
    size = rng.uniform(LARGEST * (1 - 0.6 * difficulty), LARGEST, n)
    room = (SIDE - 1.2 * size)[:, None] / 2  # a figure may lose its tips, no more
    return {
        "position": SIDE / 2 + 0.8 * difficulty * room * rng.uniform(-1, 1, (n, 2)),
        "size": size,
        "angle": difficulty * rng.uniform(-np.pi, np.pi, n),
        "color": rng.uniform(0.2, 0.8, (n, 3)),
        "clutter": rng.integers(0, round(STROKES * difficulty) + 1, n),
    }


def _draw(
    kind: Array, factors: Mapping[str, Array], difficulty: float, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return pictures and masks of classes, 0 where there is no figure."""
    grid = sdf.pixels(SIDE)
    contrast = 1 - 0.8 * difficulty
    color = factors["color"]
    ground = factors["ground"] if "ground" in factors else _apart(color, contrast, rng)
    picture = _ground(ground, grid, 0.5 * difficulty, rng)
    for stroke in range(int(factors["clutter"].max(initial=0))):
        rows = np.flatnonzero(factors["clutter"] > stroke)
        paint = _apart(ground[rows], contrast, rng)
        picture[rows] = _over(picture[rows], _stroke(len(rows), grid, rng), paint)
    covered = sdf.draw(kind, grid, factors["position"], factors["size"], factors["angle"])
    picture = _over(picture, covered, color)
    picture += rng.normal(0, 0.16 * difficulty, picture.shape)
    masks = np.where(covered > 0.5, kind[:, None, None] + 1, 0)
    return (255 * np.clip(picture, 0, 1) + 0.5).astype(np.uint8), masks.astype(np.uint8)


def _apart(color: Array, distance: float, rng: np.random.Generator) -> Array:
    """Return colors [B, 3] that lie `distance` from the given ones, or less at the rim."""
    away = rng.normal(size=color.shape)
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    return np.asarray(np.clip(color + distance * away, 0, 1))


def _ground(color: Array, grid: Array, gradient: float, rng: np.random.Generator) -> Array:
    """Return plain backgrounds [B, 3, H, W] that grow lighter in some direction."""
    direction = rng.uniform(-gradient, gradient, (len(color), 2)).astype(np.float32)
    light = np.einsum("bd,dhw->bhw", direction, grid / SIDE - 0.5)
    return np.asarray(color[:, :, None, None] + light[:, None], np.float32)


def _stroke(count: int, grid: Array, rng: np.random.Generator) -> Array:
    """Return how much of each pixel a stroke covers, [B, H, W]: bars, from dots to long lines."""
    center = rng.uniform(0, SIDE, (count, 2)).astype(np.float32)
    x, y = sdf.local(
        grid, center, np.ones(count, np.float32), rng.uniform(0, np.pi, count).astype(np.float32)
    )
    length = rng.uniform(0, 6, (count, 1, 1)).astype(np.float32)
    width = rng.uniform(0.5, 1.6, (count, 1, 1)).astype(np.float32)
    return sdf.cover(sdf.segment(x, y, length, width), 1)


def _over(picture: Array, covered: Array, color: Array) -> Array:
    """Paint `color` [B, 3] over pictures where they are `covered` [B, H, W]."""
    alpha = covered[:, None].astype(np.float32)
    paint = color[:, :, None, None].astype(np.float32)
    return np.asarray(picture + alpha * (paint - picture))


def _held_out(kind: Array, position: Array) -> Array:
    """Return the examples whose figure stands in the one quarter where its class is never seen in
    training: circles and crosses top left, squares and rings top right, and so on."""
    right, low = (position > SIDE / 2).T
    return np.asarray(right + 2 * low == kind % 4)
