"""Lend the real data that scikit-learn holds."""

from __future__ import annotations

from typing import Any

import numpy as np

import lab


def digits() -> lab.Dataset:
    """Return images uint8 [1797, 1, 8, 8] (Alpaydin and Kaynak, 1998), 0 to 16 scaled to 0..255."""
    found = _read("digits")
    images = np.rint(found.images * (255 / 16)).astype(np.uint8)[:, None]
    return lab.Dataset(images, found.target, tuple(map(str, found.target_names)))


def iris() -> lab.Dataset:
    return _classes(_read("iris"))


def wine() -> lab.Dataset:
    return _classes(_read("wine"))


def breast_cancer() -> lab.Dataset:
    return _classes(_read("breast_cancer"))


def diabetes() -> lab.Dataset:
    """Return a table float [442, 10] in its own units, and a measure of progression [442, 1]."""
    found = _read("diabetes", scaled=False)
    return lab.Dataset(
        found.data.astype(np.float32),
        found.target.astype(np.float32)[:, None],
        features=tuple(found.feature_names),
    )


def _classes(found: Any) -> lab.Dataset:
    return lab.Dataset(
        found.data.astype(np.float32),
        found.target,
        tuple(map(str, found.target_names)),
        features=tuple(map(str, found.feature_names)),
    )


def _read(name: str, **options: Any) -> Any:
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(**options)
