"""Measure how far two sets of features are apart, as Gaussians: Heusel et al. (2017)."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.generative.vectors import Examples, rows


def fid(real: Examples, fake: Examples) -> float:
    """Return the Fréchet distance of two sets of features [N, D] and [M, D].

    It is biased upwards by small sets: compare figures of equal counts only, and with what real
    examples get. NaN where a feature is not finite. Raises ValueError for sets of one example.
    """
    one, other = rows(real), rows(fake)
    if min(len(one), len(other)) < 2:
        raise ValueError(f"sets of {len(one)} and {len(other)} examples have no covariance")
    if not (one.isfinite().all() and other.isfinite().all()):
        return float("nan")
    return frechet_distance(one.mean(0), _covariance(one), other.mean(0), _covariance(other))


def frechet_distance(mean: Tensor, cov: Tensor, other_mean: Tensor, other_cov: Tensor) -> float:
    """Return |m1 - m2|² + tr(C1 + C2 - 2 (C1^½ C2 C1^½)^½), the squared 2-Wasserstein distance of
    two Gaussians (Dowson and Landau, 1982), from means [D] and covariances [D, D].

    The product in the root is symmetric: its eigenvalues are real and not negative even where
    covariances are singular, as those of fewer examples than features are.
    """
    mean, cov, other_mean, other_cov = (
        value.double().cpu() for value in (mean, cov, other_mean, other_cov)
    )
    root = _root(cov)
    values = torch.linalg.eigvalsh(root @ other_cov @ root)
    cross = _not_noise(values).sqrt().sum()
    apart = (mean - other_mean).square().sum()
    return max(0.0, float(apart + cov.trace() + other_cov.trace() - 2 * cross))


def _covariance(x: Tensor) -> Tensor:
    centerd = x - x.mean(0)
    return centerd.T @ centerd / (len(x) - 1)


def _root(cov: Tensor) -> Tensor:
    """Return the symmetric square root."""
    values, vectors = torch.linalg.eigh(cov)
    root: Tensor = (vectors * _not_noise(values).sqrt()) @ vectors.T
    return root


def _not_noise(values: Tensor) -> Tensor:
    """Clear eigenvalues that are rounding alone: their roots would be far from it."""
    least = values.max() * len(values) * torch.finfo(values.dtype).eps
    return torch.where(values > least, values, 0.0)
