"""Probe what codes tell of the targets, by nearest neighbors and by a linear model."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from lab.generative.vectors import Array, Examples

MOST = 10_000  # training codes that a probe needs at most


def probe(
    train_codes: Examples,
    train_targets: Examples,
    codes: Examples,
    targets: Examples,
    neighbors: int = 5,
) -> dict[str, float]:
    """Return how well codes [N, ...] predict targets: classes (integers [N]), or values [N] or
    [N, K].

    For classes `knn_accuracy` and `linear_accuracy`, by logistic regression; for values `knn_r2`
    and `linear_r2`, by ridge regression. Codes are standardized by the training ones. Raw inputs
    are probed alike: that is what codes have to beat.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = _few(_flat(train_codes), _values(train_targets))
    classes = y.dtype.kind in "iub"
    neighbor, linear = _models(min(neighbors, len(x)), classes)
    name = "accuracy" if classes else "r2"
    metrics = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a probe that did not converge is scored all the same
        for kind, model in (("knn", neighbor), ("linear", linear)):
            fitted = make_pipeline(StandardScaler(), model).fit(x, y)
            metrics[f"{kind}_{name}"] = float(fitted.score(_flat(codes), _values(targets)))
    return metrics


def _models(neighbors: int, classes: bool) -> tuple[Any, Any]:
    from sklearn import linear_model
    from sklearn import neighbors as knn

    if classes:
        return knn.KNeighborsClassifier(neighbors), linear_model.LogisticRegression(max_iter=1_000)
    return knn.KNeighborsRegressor(neighbors), linear_model.Ridge()


def _few(x: Array, y: Array) -> tuple[Array, Array]:
    chosen = np.linspace(0, len(x) - 1, min(len(x), MOST)).astype(int)
    return x[chosen], y[chosen]


def _flat(examples: Examples) -> Array:
    return torch.as_tensor(examples).detach().flatten(1).float().cpu().numpy()


def _values(targets: Examples) -> Array:
    return torch.as_tensor(targets).detach().cpu().numpy()
