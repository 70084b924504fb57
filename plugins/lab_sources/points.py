"""Draw points in the plane with their classes or modes."""

from __future__ import annotations

import numpy as np

import lab
from lab_sources.sdf import Array


def spirals(n: int, arms: int, turns: float, noise: float, seed: int) -> lab.Dataset:
    """Return points [n, 2] on `arms` spirals; the radius grows with the angle up to 1."""
    rng = np.random.default_rng(seed)
    arm = np.arange(n) % arms
    along = np.sqrt(rng.uniform(0.01, 1, n))  # as many points on each length
    angle = 2 * np.pi * (turns * along + arm / arms)
    points = along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points += rng.normal(0, noise, points.shape)
    return lab.Dataset(
        points.astype(np.float32), arm, tuple(map(str, range(arms))), factors={"along": along}
    )


def xor(n: int, noise: float, seed: int) -> lab.Dataset:
    """Return points [n, 2] around the corners of the unit square; class: whether they differ.

    Without noise they are the truth table over and over. It is all there is, so that train, eval
    and test all hold it: equal examples are told to stand alone.
    """
    rng = np.random.default_rng(seed)
    corner = np.arange(n) % 4
    bits = np.stack([corner // 2, corner % 2], axis=1)
    points = bits + rng.normal(0, 1, bits.shape) * noise
    return lab.Dataset(
        points.astype(np.float32),
        bits[:, 0] ^ bits[:, 1],
        ("same", "different"),
        groups=None if noise else np.full(n, -1),
        factors={"corner": corner},
        features=("a", "b"),
    )


def ring(n: int, modes: int, radius: float, std: float, seed: int) -> lab.Dataset:
    """Return points [n, 2] of Gaussians around a circle; class: the Gaussian."""
    angle = 2 * np.pi * np.arange(modes) / modes
    return _mixture(n, radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), std, seed)


def grid(n: int, side: int, spacing: float, std: float, seed: int) -> lab.Dataset:
    """Return points [n, 2] of Gaussians on a square grid around 0; class: the Gaussian."""
    line = spacing * (np.arange(side) - (side - 1) / 2)
    centers = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    return _mixture(n, centers, std, seed)


def _mixture(n: int, centers: Array, std: float, seed: int) -> lab.Dataset:
    rng = np.random.default_rng(seed)
    mode = np.arange(n) % len(centers)
    points = centers[mode] + rng.normal(0, 1, (n, 2)) * std
    names = tuple(map(str, range(len(centers))))
    factors = {"center": centers[mode]}
    return lab.Dataset(points.astype(np.float32), mode, names, factors=factors, features=("x", "y"))
