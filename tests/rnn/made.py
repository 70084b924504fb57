"""Small data of every shape of task, drawn with a seed."""

from __future__ import annotations

import numpy as np

import lab

WORDS = ("", "a", "b", "c")


def ramps(n: int = 120) -> lab.Dataset:
    """Sequences of 3 to 8 steps that rise or fall; what fills them up is far from all values."""
    rng = np.random.default_rng(0)
    lengths, falling = rng.integers(3, 9, n), rng.integers(0, 2, n)
    steps = np.where(falling, -1, 1)[:, None] * np.linspace(-1, 1, 8) + rng.normal(0, 0.1, (n, 8))
    mask = np.arange(8) < lengths[:, None]
    steps[~mask] = 1e3
    inputs = steps[..., None].astype(np.float32)
    return lab.Dataset(inputs, falling, ("rising", "falling"), mask=mask)


def steps(n: int = 120) -> lab.Dataset:
    """Ramps with a class for each step: whether it is above 0."""
    dataset = ramps(n)
    assert dataset.mask is not None
    above = (dataset.inputs[..., 0] > 0).astype(np.int64)
    return lab.Dataset(dataset.inputs, above, ("below", "above"), mask=dataset.mask)


def wave(n: int = 400) -> lab.Dataset:
    """A series of two columns, a wave of 8 steps and its double, on a rise."""
    rng = np.random.default_rng(0)
    values = np.sin(2 * np.pi * np.arange(n) / 8) + 0.02 * np.arange(n) + rng.normal(0, 0.05, n)
    columns = np.stack([values, 2 * values], 1)
    return lab.Dataset(columns, features=("one", "two"), stream=True)


def spoken(n: int = 150) -> lab.Dataset:
    """Words of 1 to 3 letters, each two frames of its own number with a pause behind it."""
    rng = np.random.default_rng(0)
    targets = np.zeros((n, 4), np.int64)
    inputs, mask = np.zeros((n, 10, 3), np.float32), np.zeros((n, 10), bool)
    for row in range(n):
        letters = rng.integers(1, 4, rng.integers(1, 4))
        targets[row, : len(letters)] = letters
        for place, letter in enumerate(letters):
            inputs[row, 3 * place : 3 * place + 2, letter - 1] = 1
        mask[row, : 3 * len(letters)] = True
    inputs += rng.normal(0, 0.1, inputs.shape)
    return lab.Dataset(inputs.astype(np.float32), targets, mask=mask, target_vocabulary=WORDS)


def described(n: int = 120) -> lab.Dataset:
    """Pictures 8 x 8 of a bright half, and "a b" where that is the left one, "c" of the right."""
    rng = np.random.default_rng(0)
    left = rng.integers(0, 2, n).astype(bool)
    images = rng.integers(0, 60, (n, 1, 8, 8), dtype=np.uint8)
    images[left, :, :, :4] += 150
    images[~left, :, :, 4:] += 150
    targets = np.where(left[:, None], [1, 2], [3, 0])
    return lab.Dataset(images, targets, target_vocabulary=WORDS)
