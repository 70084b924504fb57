"""Film a figure that moves over the canvas, and label each frame."""

from __future__ import annotations

import numpy as np

import lab
from lab_sources import sdf
from lab_sources.sdf import Array

SIDE = 32
SIZE = 9.0  # root of the figure's area, in pixels
SPEED = 2.5  # pixels a frame
TURN = 0.25  # probability that it takes another direction
BLINK = 0.2  # probability that it vanishes, or comes back
MOTIONS = {"still": (0, 0), "right": (1, 0), "left": (-1, 0), "up": (0, -1), "down": (0, 1)}


def moving_shapes(n: int, frames: int, difficulty: float, target: str, seed: int) -> lab.Dataset:
    """Return clips uint8 [n, frames, 3, 32, 32] and a label for each frame, [n, frames].

    `target` motion: where the figure went since the frame before; none has moved in the first one.
    `target` figure: which figure is seen; it comes and goes. factors: position [n, frames, 2] in
    pixels, figure [n], visible [n, frames].
    """
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.arange(n) % len(sdf.FIGURES))
    motion, position = _paths(n, frames, rng)
    visible = np.ones((n, frames), bool)
    if target == "figure":
        changes = rng.random((n, frames)) < BLINK
        visible = np.cumsum(changes, axis=1) % 2 == 0
    clips = _film(kind, position, visible, difficulty, rng)
    factors = {"position": position, "figure": kind, "visible": visible}
    if target == "figure":
        seen = np.where(visible, kind[:, None] + 1, 0)
        return lab.Dataset(clips, seen, ("nothing", *sdf.FIGURES), factors=factors)
    return lab.Dataset(clips, motion, tuple(MOTIONS), factors=factors)


def _paths(n: int, frames: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return motions [n, frames] and positions [n, frames, 2] that keep within the canvas."""
    steps = SPEED * np.array(list(MOTIONS.values()))
    back = np.array([0, 2, 1, 4, 3])
    low, high = SIZE / 2, SIDE - SIZE / 2
    motion = np.zeros((n, frames), int)
    position = np.empty((n, frames, 2))
    position[:, 0] = rng.uniform(low, high, (n, 2))
    course = rng.integers(0, len(steps), n)
    for frame in range(1, frames):
        turns = rng.random(n) < TURN
        course = np.where(turns, rng.integers(0, len(steps), n), course)
        there = position[:, frame - 1] + steps[course]
        outside = ((there < low) | (there > high)).any(axis=1)
        course = np.where(outside, back[course], course)
        motion[:, frame] = course
        position[:, frame] = position[:, frame - 1] + steps[course]
    return motion, position


def _film(
    kind: Array, position: Array, visible: Array, difficulty: float, rng: np.random.Generator
) -> Array:
    n, frames = visible.shape
    grid = sdf.pixels(SIDE)
    ground = rng.uniform(0.2, 0.8, (n, 3))
    away = rng.normal(size=(n, 3))
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    color = np.clip(ground + (1 - 0.7 * difficulty) * away, 0, 1)
    angle = rng.uniform(0, 2 * np.pi, n)
    size = np.full(n, SIZE)
    clips = np.empty((n, frames, 3, SIDE, SIDE), np.uint8)
    for frame in range(frames):
        covered = sdf.draw(kind, grid, position[:, frame], size, angle)
        alpha = (covered * visible[:, frame, None, None])[:, None]
        picture = ground[:, :, None, None] + alpha * (color - ground)[:, :, None, None]
        picture = picture + rng.normal(0, 0.2 * difficulty, picture.shape)
        clips[:, frame] = (255 * np.clip(picture, 0, 1) + 0.5).astype(np.uint8)
    return clips
