"""Ask how much of a figure's pose is in a capsule, and how, beside the CNN's features.

For each class of shapes by itself a ridge regression, and the mean of the 20 nearest neighbors,
which need nothing to be linear, read position, size and angle off the capsule of that class (16
numbers), or off the last hidden layer of the CNN of as many parameters. Both are fitted on the
training split, and measured on test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

import lab

Array = np.ndarray[Any, np.dtype[Any]]
SYMMETRY = {"square": 4, "triangle": 3, "star": 5, "cross": 4}  # turns that look alike; circles all
PENALTIES = np.logspace(-2, 4, 13)
PARTS = ("across", "down", "size", "angle")
PROBES: Mapping[str, Callable[[], Any]] = {
    "linear": lambda: RidgeCV(PENALTIES),
    "neighbors": lambda: KNeighborsRegressor(20),
}


def capsules(experiment: Any, images: Tensor, targets: Tensor) -> Tensor:
    """Return the capsules of the true classes [B, E]."""
    found, _ = experiment.net.capsules(images)
    rows = torch.arange(len(targets))
    return found[rows, targets]  # type: ignore[no-any-return]


def hidden(experiment: Any, images: Tensor, targets: Tensor) -> Tensor:
    """Return the last hidden layer of a CNN [B, F]."""
    net = experiment.net
    features: Tensor = net.feature_maps(images)[-1]
    return net.classifier[:-1](net.avgpool(features).flatten(1))  # type: ignore[no-any-return]


FEATURES = {"capsnet": capsules, "cnn": hidden}


def explained(experiment: Any, family: str) -> dict[str, float]:
    """Return the fraction of the variance of each part of the pose that each probe explains on
    test, its mean over classes; that of an angle over its sine and cosine."""
    task = experiment.task if family == "capsnet" else experiment.supervision
    sets = [features(experiment, task, family, split) for split in ("train", "test")]
    scores: dict[str, list[float]] = {f"{part}, {probe}": [] for probe in PROBES for part in PARTS}
    for number, name in enumerate(task.info.classes):
        (x, pose), (x_test, pose_test) = ((x[t == number], p[t == number]) for x, t, p in sets)
        for part in PARTS:
            if part == "angle" and name not in SYMMETRY:
                continue
            y, y_test = (values(p, part, SYMMETRY.get(name, 1)) for p in (pose, pose_test))
            for probe, make in PROBES.items():
                model = make_pipeline(StandardScaler(), make()).fit(x, y)
                scores[f"{part}, {probe}"].append(float(model.score(x_test, y_test)))
    return {name: float(np.mean(by_class)) for name, by_class in scores.items()}


@torch.no_grad()
def features(experiment: Any, task: Any, family: str, split: str) -> tuple[Array, Array, Array]:
    """Return features [N, F], classes [N] and poses [N, 4] of a split."""
    part = task.data.part(split)
    found, labels = [], []
    with experiment.ctx.compute.evaluating():
        for batch in part.batches(512):
            prepared: lab.Batch = task.info.prepare(batch)
            found.append(FEATURES[family](experiment, prepared["inputs"], prepared["targets"]))
            labels.append(prepared["targets"])
    factors = task.data.dataset.factors
    columns = [factors["position"], factors["size"][:, None], factors["angle"][:, None]]
    poses = np.concatenate(columns, 1)[part.indices]
    return torch.cat(found).numpy(), torch.cat(labels).numpy(), poses


def values(poses: Array, part: str, turns: int) -> Array:
    """Return what is to be explained [N, 1 or 2]: an angle as a point on the circle, on which
    turns that look alike are one."""
    column = poses[:, PARTS.index(part)]
    if part != "angle":
        return column[:, None]
    return np.stack([np.cos(turns * column), np.sin(turns * column)], 1)
