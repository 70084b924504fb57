"""Find the training examples that samples are nearest to, and tell copies from new ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from lab.data.batches import Split
from lab.generative.vectors import BLOCK, Examples

SPARE = 8  # more candidates than `count`: float32 may order near ones wrongly
COPIED = -3.0

# examples, a split that is read by batch, or a function that yields batches of a size
References = Examples | Split | Callable[[int], Iterator[Tensor]]


def nearest(queries: Examples, references: References, count: int = 1) -> tuple[Tensor, Tensor]:
    """Return the `count` nearest references of each query: indices and Euclidean distances, both
    [Q, count] and on the CPU, the nearest first.

    Memory is bounded: references may be a split, which is read by batch, or a function that yields
    batches of a size. Distances are of unscaled values (bytes of 0..255); equal examples are at
    exactly 0. Raises ValueError for bytes compared with floats.
    """
    rows = torch.as_tensor(queries).detach().flatten(1)
    parts = [
        _nearest(part, references, count) for part in torch.split(rows, _size(rows.shape[1], count))
    ]
    indices, distances = (torch.cat(column) for column in zip(*parts, strict=True))
    return indices, distances


def _nearest(queries: Tensor, references: References, count: int) -> tuple[Tensor, Tensor]:
    """Keep the best of each block of references, measured exactly."""
    best = torch.empty(len(queries), 0, dtype=torch.double, device=queries.device)
    where = torch.empty(len(queries), 0, dtype=torch.long, device=queries.device)
    start = 0
    for block in _blocks(references, len(queries), queries.shape[1]):
        if (block.dtype == torch.uint8) != (queries.dtype == torch.uint8):
            raise ValueError(f"{queries.dtype} and {block.dtype} are not in the same unit")
        indices, distances = _in_block(queries, block.to(queries.device), count)
        where, best = torch.cat([where, indices + start], 1), torch.cat([best, distances], 1)
        order = best.argsort(dim=1, stable=True)[:, :count]
        best, where = best.gather(1, order), where.gather(1, order)
        start += len(block)
    return where.cpu(), best.cpu()


def _in_block(queries: Tensor, block: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Choose candidates by products, which are fast, and measure them by differences."""
    middle = block.float().mean(0)  # small values lose less in the products
    near, far = queries.float() - middle, block.float() - middle
    rank = far.square().sum(1) - 2 * near @ far.T
    chosen = rank.topk(min(count + SPARE, len(block)), dim=1, largest=False).indices.sort(1).values
    gaps = queries[:, None].double() - block[chosen].double()  # [Q, count + SPARE, D]
    return chosen, gaps.square().sum(2).sqrt()


def _blocks(references: References, queries: int, width: int) -> Iterator[Tensor]:
    size = max(1, BLOCK // max(queries, width))
    if isinstance(references, Split):
        yield from (batch["inputs"].flatten(1) for batch in references.batches(size))
    elif callable(references):
        yield from (batch.flatten(1) for batch in references(size))
    else:
        yield from torch.split(torch.as_tensor(references).detach().flatten(1), size)


def _size(width: int, count: int) -> int:
    return max(1, min(1_024, BLOCK // (width * (count + SPARE))))


class Memorization(NamedTuple):
    """z: below 0 where samples are nearer to the training data than fresh examples are.
    nearer: probability that a sample is nearer to them than a fresh example; 0.5 where nothing is
    copied. copies: fraction of samples nearer than 99 % of the fresh examples. copied: z < -3.
    """

    z: float
    nearer: float
    copies: float
    copied: bool


def memorization(samples: Examples, train: References, held_out: References) -> Memorization:
    """Test whether a generator copies its training data (Meehan et al., 2020): by the rank-sum test
    of Mann and Whitney on distances to the nearest training example, of samples and of held-out
    examples, which a generator that learned the distribution matches."""
    ours = nearest(samples, train)[1].flatten()
    fresh = torch.cat(
        [nearest(block, train)[1].flatten() for block in _blocks(held_out, 1_024, 1_024)]
    )
    return _rank_sum(ours, fresh)


def _rank_sum(ours: Tensor, fresh: Tensor) -> Memorization:
    """z is (U - mean) / std of U, which counts pairs whose sample is the farther one."""
    m, n = len(ours), len(fresh)
    pooled = torch.cat([ours, fresh])
    _, rank, ties = torch.unique(pooled, return_inverse=True, return_counts=True)
    ends = ties.cumsum(0).double()
    middle = ends - (ties.double() - 1) / 2  # the mean rank of those that tie
    farther = float(middle[rank[:m]].sum()) - m * (m + 1) / 2
    lost = float((ties.double() ** 3 - ties).sum()) / ((m + n) * (m + n - 1))
    variance = m * n / 12 * (m + n + 1 - lost)
    z = (farther - m * n / 2) / math.sqrt(variance) if variance > 0 else 0.0
    copies = float((ours < fresh.quantile(0.01)).double().mean())
    return Memorization(z, 1 - farther / (m * n), copies, z < COPIED)
