"""Read the real data sets in scikit-learn's files, without importing it, which takes 2 s."""

from __future__ import annotations

import csv
from importlib.metadata import distribution
from pathlib import Path

import numpy as np

import lab
from lab_sources.wheel_files import locate

CELL = (
    "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity",
    "concave points", "symmetry", "fractal dimension",
)  # fmt: skip
FEATURES = {
    "iris": tuple(
        f"{part} {size} (cm)" for part in ("sepal", "petal") for size in ("length", "width")
    ),
    "wine_data": (
        "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols",
        "flavanoids", "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue",
        "od280/od315_of_diluted_wines", "proline",
    ),
    "breast_cancer": (
        *(f"mean {name}" for name in CELL),
        *(f"{name} error" for name in CELL),
        *(f"worst {name}" for name in CELL),
    ),
    "diabetes": ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
}  # fmt: skip


def digits() -> lab.Dataset:
    """Return images uint8 [1797, 1, 8, 8] (Alpaydin and Kaynak, 1998), 0 to 16 scaled to 0..255."""
    table = np.loadtxt(_file("digits.csv.gz"), delimiter=",")
    images = np.rint(table[:, :-1].reshape(-1, 1, 8, 8) * (255 / 16)).astype(np.uint8)
    return lab.Dataset(images, table[:, -1].astype(int), tuple("0123456789"))


def iris() -> lab.Dataset:
    return _classes("iris")


def wine() -> lab.Dataset:
    return _classes("wine_data")


def breast_cancer() -> lab.Dataset:
    return _classes("breast_cancer")


def diabetes() -> lab.Dataset:
    """Return a table float [442, 10] in its own units, and a measure of progression [442, 1]."""
    table = np.loadtxt(_file("diabetes_data_raw.csv.gz"), dtype=np.float32)
    progression = np.loadtxt(_file("diabetes_target.csv.gz"), dtype=np.float32)
    return lab.Dataset(table, progression[:, None], features=FEATURES["diabetes"])


def _classes(name: str) -> lab.Dataset:
    """Return a table whose first line counts its rows and columns, and names its classes."""
    with _file(f"{name}.csv").open(encoding="utf-8") as file:
        (_, _, *classes), *rows = csv.reader(file)
    table = np.array(rows, float)
    inputs, targets = table[:, :-1].astype(np.float32), table[:, -1].astype(int)
    return lab.Dataset(inputs, targets, tuple(classes), features=FEATURES[name])


def _file(name: str) -> Path:
    return locate(distribution("scikit-learn"), f"sklearn/datasets/data/{name}")
