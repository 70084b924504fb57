"""See examples of any shape as rows, and measure their distances in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
Examples = Tensor | Array  # [N, ...]

BLOCK = 2**22  # distances that are in memory at once
EQUAL = 1e-12  # of the squared lengths: what rounding leaves of the distance of equal rows


def rows(examples: Examples) -> Tensor:
    """Return examples [N, ...] as rows [N, D], in double precision on the CPU."""
    return torch.as_tensor(examples).detach().flatten(1).cpu().double()


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Return the squared distances [A, B] of rows [A, D] and [B, D]; equal rows are at 0."""
    lengths = a.square().sum(1)[:, None] + b.square().sum(1)
    squares = torch.addmm(lengths, a, b.T, alpha=-2)
    return squares.masked_fill_(squares <= EQUAL * lengths, 0.0)


def spans(count: int, width: int) -> Iterator[slice]:
    """Yield slices of `count` rows, so that each, times `width` columns, is a block."""
    size = max(1, BLOCK // max(1, width))
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
