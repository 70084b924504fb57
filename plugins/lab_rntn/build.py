"""Build networks for data, of such widths that those of different cells have as many parameters."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache

import torch

import lab
from lab_rntn.config import REFERENCE, Config
from lab_rntn.network import TreeNet

WIDEST = 4_096


def build(config: Config, info: lab.DatasetInfo) -> TreeNet:
    """Return the network for such data, with its initial weights: what `lab model` lists.

    Raises UsageError for data without trees.
    """
    if info.kind != "tree":
        raise lab.UsageError(
            f"{info.name} is {info.kind} data to {info.task}; this experiment learns from trees"
        )
    facts = (len(info.vocabulary), len(info.classes), info.task == "parse")
    return TreeNet(config.cell, matched(config.cell, config.dim, *facts), *facts)


@lru_cache
def matched(cell: str, dim: int, words: int, classes: int, scored: bool) -> int:
    """Return the width at which a network of such cells comes nearest to the number of parameters
    that one of tensors has at width `dim`, all embeddings counted."""
    if cell == REFERENCE:
        return dim

    def count(width: int) -> int:
        return parameters(cell, width, words, classes, scored)

    goal = parameters(REFERENCE, dim, words, classes, scored)
    above = bisect_left(range(1, WIDEST + 1), goal, key=count) + 1
    return min((max(1, above - 1), above), key=lambda width: abs(count(width) - goal))


def parameters(cell: str, width: int, words: int, classes: int, scored: bool) -> int:
    """Return how many parameters a network has: of one that is built without values."""
    with torch.device("meta"):
        net = TreeNet(cell, width, words, classes, scored)
    return sum(parameter.numel() for parameter in net.parameters())
