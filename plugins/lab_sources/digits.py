"""Make harder pictures out of scikit-learn's digits: moved ones, and two on one canvas."""

from __future__ import annotations

from itertools import combinations

import numpy as np

import lab
from lab_sources.bundled import digits
from lab_sources.sdf import Array, local, pixels

FILL = 0.6  # fraction of the canvas that a digit fills
FOLDS = 5
POOLS = 10  # of digits that only meet each other; two of them are for testing


def affine_digits(
    size: int, copies: int, shift: int, rotate: float, scale: float, centered: bool, seed: int
) -> lab.Dataset:
    """Return digits uint8 [1797 * copies, 1, size, size], shifted, turned and scaled at random.

    Copies of one digit are never split. With `centered`, a fifth of the digits is the test set, and
    the others are not moved at all: what a network knows of places it must bring along (Sabour et
    al., 2017, section 5.1). factors: shift [N, 2] in pixels, angle [N] in radians, scale [N].
    """
    rng = np.random.default_rng(seed)
    plain = digits()
    assert plain.targets is not None
    which = np.repeat(np.arange(len(plain)), copies)
    moved = np.ones(len(which), bool)
    if centered:
        moved = (_rank(plain.targets, rng) % FOLDS == 0)[which]
    drawn = rng.uniform(-1, 1, (len(which), 4)) * moved[:, None]
    factors = {
        "shift": shift * drawn[:, :2],
        "angle": np.radians(rotate) * drawn[:, 2],
        "scale": 1 + scale * drawn[:, 3],
    }
    zoom = FILL * size / 8 * factors["scale"]
    images = _placed(plain.inputs[which, 0], size, factors["shift"], factors["angle"], zoom)
    return lab.Dataset(
        images[:, None],
        plain.targets[which],
        plain.classes,
        test=moved if centered else None,
        groups=which,
        factors=factors,
    )


def overlapping_digits(n: int, size: int, shift: int, seed: int) -> lab.Dataset:
    """Return two digits of different classes each, added on one canvas uint8 [n, 1, size, size].

    A sum does not tell which digit is on top, so the class is the pair: 45 of them, as "3+7".
    factors: first and second [n], its two classes; parts uint8 [n, 2, size, size], the digits
    alone. Digits are pooled before they meet, and two pools in ten are the test set: no digit is
    seen on both sides.
    """
    rng = np.random.default_rng(seed)
    plain = digits()
    assert plain.targets is not None
    pairs = np.array(list(combinations(range(len(plain.classes)), 2)))
    pool, pair = np.arange(n) % POOLS, np.arange(n) // POOLS % len(pairs)
    of_pool = _rank(plain.targets, rng) % POOLS
    chosen = np.empty((n, 2), int)
    for number in range(POOLS):
        for label in range(len(plain.classes)):
            there = np.flatnonzero((of_pool == number) & (plain.targets == label))
            row, side = np.nonzero((pairs[pair] == label) & (pool == number)[:, None])
            chosen[row, side] = rng.choice(there, len(row))
    moves = shift * rng.uniform(-1, 1, (n, 2, 2))
    still, natural = np.zeros(n), np.ones(n)
    parts = np.stack(
        [_placed(plain.inputs[chosen[:, i], 0], size, moves[:, i], still, natural) for i in (0, 1)],
        axis=1,
    )
    canvas = np.minimum(parts.astype(int).sum(axis=1), 255).astype(np.uint8)
    return lab.Dataset(
        canvas[:, None],
        pair,
        tuple(f"{a}+{b}" for a, b in pairs),
        test=pool >= POOLS - 2,
        groups=pool,
        factors={"first": pairs[pair, 0], "second": pairs[pair, 1], "parts": parts},
    )


def _rank(targets: Array, rng: np.random.Generator) -> Array:
    """Return the place of each example among those of its class, in random order."""
    rank = np.empty(len(targets), int)
    for label in np.unique(targets):
        rows = rng.permutation(np.flatnonzero(targets == label))
        rank[rows] = np.arange(len(rows))
    return rank


def _placed(images: Array, size: int, shift: Array, angle: Array, zoom: Array) -> Array:
    """Return images [B, h, w] in the middle of black canvases uint8 [B, size, size], enlarged by
    `zoom` [B], turned by `angle` [B] and moved by `shift` [B, 2], by bilinear interpolation."""
    side = images.shape[-1]
    x, y = local(pixels(size), size / 2 + shift, zoom, angle)
    x, y = x + (side + 1) / 2, y + (side + 1) / 2  # in a frame that has a black border of one pixel
    framed = np.pad(images.astype(np.float32), ((0, 0), (1, 1), (1, 1)))
    x, y = np.clip(x, 0, side + 1 - 1e-4), np.clip(y, 0, side + 1 - 1e-4)
    left, top = x.astype(int), y.astype(int)
    right, low = x - left, y - top
    row = np.arange(len(images))[:, None, None]
    above = framed[row, top, left] * (1 - right) + framed[row, top, left + 1] * right
    below = framed[row, top + 1, left] * (1 - right) + framed[row, top + 1, left + 1] * right
    return np.asarray(np.rint(above * (1 - low) + below * low), np.uint8)
