"""Learn a vector for each category, in the place of a feature of its own for each."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lab.data.encoding import TableEncoding

STD = 0.01  # of the vectors in the beginning, as in fast.ai: torch's 1 drowns the other features
FIRED = 0.5  # a one-hot feature above it is 1, also under --augment noise


class CategoryEmbedding(nn.Module):
    """Features [B, W] of a table -> [B, D]: the one-hot features of each column of K categories
    become a vector of min(`most`, (K + 1) // 2) learned numbers; all other features stay.

    Guo and Berkhahn, "Entity Embeddings of Categorical Variables" (2016), section III. A category
    that training never saw is number K, the last: its vector is 0, and is not learned.
    """

    def __init__(self, encoding: TableEncoding, most: int) -> None:
        super().__init__()
        starts = [number for number, (_, code) in enumerate(encoding.layout) if code == 0]
        sizes = [len(column.categories) for column in encoding.columns if column.categories]
        self.blocks = tuple(zip(starts, sizes, strict=True))  # first feature, and categories
        self.others = tuple(n for n, (_, code) in enumerate(encoding.layout) if code < 0)
        dimensions = [min(most, (size + 1) // 2) for size in sizes]
        tables = [
            nn.Embedding(size + 1, dimension, padding_idx=size)
            for size, dimension in zip(sizes, dimensions, strict=True)
        ]
        with torch.no_grad():
            for table in tables:
                table.weight *= STD
        self.tables = nn.ModuleList(tables)
        self.width = len(self.others) + sum(dimensions)

    def forward(self, features: Tensor) -> Tensor:
        vectors = [
            table(category_numbers(features[:, start : start + size]))
            for table, (start, size) in zip(self.tables, self.blocks, strict=True)
        ]
        return torch.cat([features[:, self.others], *vectors], dim=1)


def category_numbers(one_hot: Tensor) -> Tensor:
    """Return the categories [B] of one-hot features [B, K]; K where none is 1."""
    highest, numbers = one_hot.max(dim=1)
    return torch.where(highest > FIRED, numbers, one_hot.shape[1])
