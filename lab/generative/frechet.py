"""Measure how far two sets of features are apart, as Gaussians: Heusel et al. (2017)."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.generative.vectors import Examples, rows


def fid(real: Examples, fake: Examples) -> float:
    """Return the Fréchet distance of two sets of features [N, D] and [M, D].

    It is biased upwards by small sets: compare scores of equal counts only, and with that of real
    examples. NaN where a feature is not finite. Raises ValueError for sets of one example.
    """
    x, y = rows(real), rows(fake)
    if min(len(x), len(y)) < 2:
        raise ValueError(f"sets of {len(x)} and {len(y)} examples have no covariance")
    if not (x.isfinite().all() and y.isfinite().all()):
        return float("nan")
    return frechet_distance(x.mean(0), _covariance(x), y.mean(0), _covariance(y))


def frechet_distance(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> float:
    """Return |m1 - m2|² + tr(C1 + C2 - 2 (C1^½ C2 C1^½)^½), the squared 2-Wasserstein distance of
    two Gaussians (Dowson and Landau, 1982), from means [D] and covariances [D, D].

    The product in the root is symmetric: its eigenvalues are real and not negative even where
    covariances are singular, as those of fewer examples than features are.
    """
    mean1, cov1, mean2, cov2 = (value.double().cpu() for value in (mean1, cov1, mean2, cov2))
    root = _root(cov1)
    values = torch.linalg.eigvalsh(root @ cov2 @ root)
    cross = _not_noise(values).sqrt().sum()
    apart = (mean1 - mean2).square().sum()
    return max(0.0, float(apart + cov1.trace() + cov2.trace() - 2 * cross))


def _covariance(x: Tensor) -> Tensor:
    centered = x - x.mean(0)
    return centered.T @ centered / (len(x) - 1)


def _root(cov: Tensor) -> Tensor:
    """Return the symmetric square root."""
    values, vectors = torch.linalg.eigh(cov)
    root: Tensor = (vectors * _not_noise(values).sqrt()) @ vectors.T
    return root


def _not_noise(values: Tensor) -> Tensor:
    """Clear eigenvalues that are rounding alone: their roots would be far from it."""
    least = values.max() * len(values) * torch.finfo(values.dtype).eps
    return torch.where(values > least, values, 0.0)
