"""Reconstruct by principal components, which an autoencoder of the same code size has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lab.generative.vectors import Examples, rows

CLOSED_FORM = 1_200  # dimensions, or examples, up to which an eigenvalue problem takes a second
SPARE, ROUNDS = 16, 12


@dataclass(frozen=True)
class Principal:
    """mean [D]; components [K, D], orthonormal, the one of largest variance first; variances [K]
    along them."""

    mean: Tensor
    components: Tensor
    variances: Tensor

    def encode(self, examples: Examples) -> Tensor:
        """Return codes [N, K] of examples [N, ...]."""
        return (rows(examples) - self.mean) @ self.components.T

    def decode(self, codes: Examples) -> Tensor:
        """Return rows [N, D] for codes [N, K]."""
        return rows(codes) @ self.components + self.mean

    def error(self, examples: Examples) -> float:
        """Return the squared error of a reconstruction: summed over dimensions, mean over examples,
        the unit of Hinton and Salakhutdinov (2006)."""
        centered = rows(examples) - self.mean
        rest = centered.square().sum(1) - (centered @ self.components.T).square().sum(1)
        return max(0.0, float(rest.mean()))


def principal(train: Examples, size: int) -> Principal:
    """Return the `size` first principal components of examples [N, ...].

    In closed form, from the covariance or, where that is smaller, from the products of examples;
    where both are large, by subspace iteration (Halko et al., 2011, algorithm 4.4).
    Codes larger than the examples' dimension, or than their number less one, are cut to it.
    """
    x = rows(train)
    mean = x.mean(0)
    x = x - mean
    size = min(size, x.shape[1], max(1, len(x) - 1))
    if min(x.shape) > CLOSED_FORM and size + SPARE < min(x.shape):
        components = _iterated(x, size)
    elif x.shape[1] <= len(x):
        components = torch.linalg.eigh(x.T @ x).eigenvectors.flip(1)[:, :size].T
    else:
        across = torch.linalg.eigh(x @ x.T).eigenvectors.flip(1)[:, :size]
        components = torch.linalg.qr(x.T @ across).Q.T
    variances = (x @ components.T).square().sum(0) / max(1, len(x) - 1)
    return Principal(mean, components, variances)


def _iterated(x: Tensor, size: int) -> Tensor:
    """Return orthonormal rows [size, D] that span all but the least of the largest variances."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(x.shape[1], size + SPARE, generator=generator, dtype=x.dtype)
    basis = torch.linalg.qr(x.T @ (x @ start)).Q
    for _ in range(ROUNDS):
        basis = torch.linalg.qr(x.T @ (x @ basis)).Q
    inner = torch.linalg.svd(x @ basis, full_matrices=False).Vh[:size]
    components: Tensor = inner @ basis.T
    return components
