"""Measure how far two sets of features are apart, without bias: Bińkowski et al. (2018)."""

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

    std is the deviation among `subsets` random ones of `size` examples each, by default half of the
    smaller set and at most 1000. The kernel is no stranger to scale: bring features to a variance
    around 1, as `FeatureMetrics.features` are. Raises ValueError for sets of one example.
    """
    one, other = rows(real), rows(fake)
    fewest = min(len(one), len(other))
    if fewest < 2:
        raise ValueError(f"sets of {len(one)} and {len(other)} examples have no spread")
    size = min(size or max(2, min(fewest // 2, LARGEST_SUBSET)), fewest)
    draw = Generator().manual_seed(0)
    ours, theirs = (_members(len(x), subsets, size, draw) for x in (one, other))
    estimates = _within(one, ours) + _within(other, theirs) - 2 * _between(one, other, ours, theirs)
    spread = float(estimates[1:].std()) if subsets > 1 else 0.0
    return Kid(float(estimates[0]), spread)


def _members(count: int, subsets: int, size: int, draw: Generator) -> Tensor:
    """Return who is in the whole set, and in each subset: zeros and ones [1 + subsets, count]."""
    chosen = torch.rand(subsets, count, generator=draw).argsort(1)[:, :size]
    members = torch.zeros(subsets, count, dtype=torch.float64).scatter_(1, chosen, 1.0)
    return torch.cat([torch.ones(1, count, dtype=torch.float64), members])


def _kernel(one: Tensor, other: Tensor) -> Tensor:
    base = (one @ other.T).div_(one.shape[1]).add_(1)
    return base * base * base  # a power would take twice as long


def _within(x: Tensor, members: Tensor) -> Tensor:
    """Return the mean kernel of pairs of different examples, in each subset [1 + subsets]."""
    total = _sums(x, x, members, members)
    own = members @ ((x.square().sum(1) / x.shape[1] + 1) ** 3)
    number = members.sum(1)
    return (total - own) / (number * (number - 1))


def _between(one: Tensor, other: Tensor, ours: Tensor, theirs: Tensor) -> Tensor:
    return _sums(one, other, ours, theirs) / (ours.sum(1) * theirs.sum(1))


def _sums(one: Tensor, other: Tensor, ours: Tensor, theirs: Tensor) -> Tensor:
    """Return the sum of the kernel over all pairs of each subset, from blocks of the matrix."""
    total = torch.zeros(len(ours), dtype=torch.float64)
    for span in spans(len(one), len(other)):
        total += ((ours[:, span] @ _kernel(one[span], other)) * theirs).sum(1)
    return total
