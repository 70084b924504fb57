"""Kernel inception distance of two sets of features, without bias: Bińkowski et al. (2018)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from lab.generative.vectors import Examples, rows, spans

LARGEST_SUBSET = 1_000


class Kid(NamedTuple):
    """value: the estimate from all examples. std: of estimates from subsets."""

    value: float
    std: float


def kid(real: Examples, fake: Examples, subsets: int = 50, size: int | None = None) -> Kid:
    """Return the squared maximum mean discrepancy of features [N, D] and [M, D] under the kernel
    (x·y / D + 1)³, without bias (section 4): 0 on average where the sets are alike, so sometimes
    less.

    std is the standard deviation among `subsets` random ones of `size` examples each, by default
    half of the smaller set and at most 1000. The kernel depends on scale: bring features to a
    variance around 1, as `FeatureMetrics.features` are. Raises ValueError for sets of one example.
    """
    x, y = rows(real), rows(fake)
    fewest = min(len(x), len(y))
    if fewest < 2:
        raise ValueError(f"sets of {len(x)} and {len(y)} examples have no spread")
    size = min(size or max(2, min(fewest // 2, LARGEST_SUBSET)), fewest)
    generator = Generator().manual_seed(0)
    x_members = _members(len(x), subsets, size, generator)
    y_members = _members(len(y), subsets, size, generator)
    estimates = (
        _within(x, x_members) + _within(y, y_members) - 2 * _between(x, y, x_members, y_members)
    )
    spread = float(estimates[1:].std()) if subsets > 1 else 0.0
    return Kid(float(estimates[0]), spread)


def _members(count: int, subsets: int, size: int, generator: Generator) -> Tensor:
    """Return masks of the members of the full set and of each subset [1 + subsets, count]."""
    chosen = torch.rand(subsets, count, generator=generator).argsort(1)[:, :size]
    members = torch.zeros(subsets, count, dtype=torch.float64).scatter_(1, chosen, 1.0)
    return torch.cat([torch.ones(1, count, dtype=torch.float64), members])


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    base = (a @ b.T).div_(a.shape[1]).add_(1)
    return base * base * base  # a power would take twice as long


def _within(x: Tensor, members: Tensor) -> Tensor:
    """Return the mean kernel of pairs of different examples, in each subset [1 + subsets]."""
    total = _sums(x, x, members, members)
    own = members @ ((x.square().sum(1) / x.shape[1] + 1) ** 3)
    number = members.sum(1)
    return (total - own) / (number * (number - 1))


def _between(a: Tensor, b: Tensor, a_members: Tensor, b_members: Tensor) -> Tensor:
    return _sums(a, b, a_members, b_members) / (a_members.sum(1) * b_members.sum(1))


def _sums(a: Tensor, b: Tensor, a_members: Tensor, b_members: Tensor) -> Tensor:
    """Return the sum of the kernel over all pairs of each subset, from blocks of the matrix."""
    total = torch.zeros(len(a_members), dtype=torch.float64)
    for span in spans(len(a), len(b)):
        total += ((a_members[:, span] @ _kernel(a[span], b)) * b_members).sum(1)
    return total
