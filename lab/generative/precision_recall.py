"""Separate the quality of samples from their coverage of the data, by balls around examples.

Precision and recall are those of Kynkäänniemi et al. (2019), density and coverage those of Naeem et
al. (2020), who show that one outlier spoils the former.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lab.generative.vectors import Examples, rows, spans, squared_distances


def prdc(
    real: Examples, fake: Examples, neighbors: int = 3, density_neighbors: int = 5
) -> dict[str, float]:
    """Return precision, recall, density and coverage of features [N, D] and [M, D].

    A ball around each example reaches to its k-th nearest neighbor in its own set; k is
    `neighbors` for precision and recall, `density_neighbors` for the others.
    precision: fraction of fakes within a ball of a real one. recall: fraction of real ones within a
    ball of a fake. density: balls of real ones around a fake, over k; it may exceed 1. coverage:
    fraction of balls of real ones with a fake inside.
    Raises ValueError where a set has no more examples than k.
    """
    x, y = rows(real), rows(fake)
    most = max(neighbors, density_neighbors)
    if min(len(x), len(y)) <= most:
        raise ValueError(f"{len(x)} and {len(y)} examples have no {most} neighbors each")
    near, wide = _radii(x, neighbors, density_neighbors)
    (fakes,) = _radii(y, neighbors)
    precise = balls = torch.zeros((), dtype=torch.long)
    recalled = torch.zeros(len(x), dtype=torch.bool)
    covered = torch.zeros(len(x), dtype=torch.bool)
    for span in spans(len(y), len(x)):
        squares = squared_distances(y[span], x)  # [fakes, reals]
        precise = precise + (squares <= near).any(1).sum()
        balls = balls + (squares <= wide).sum()
        recalled |= (squares <= fakes[span, None]).any(0)
        covered |= (squares <= wide).any(0)
    return {
        "precision": float(precise) / len(y),
        "recall": float(recalled.double().mean()),
        "density": float(balls) / (density_neighbors * len(y)),
        "coverage": float(covered.double().mean()),
    }


def _radii(x: Tensor, *ks: int) -> tuple[Tensor, ...]:
    """Return for each k the squared distances of the examples [N] to their k-th neighbors; an
    example is no neighbor of itself."""
    nearest = [
        squared_distances(x[span], x).topk(max(ks) + 1, dim=1, largest=False).values
        for span in spans(len(x), len(x))
    ]
    return tuple(torch.cat(nearest)[:, ks].T)
