"""Plan how the trees of a whole batch are computed: all nodes of one height at once.

Every node but a root goes into one other node, so what a level gives is cut into the pieces that
the levels above it take. Computing, forwards and backwards, thus costs as much as there are nodes,
however deep the trees are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.data import trees as tree_data

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Level:
    """The M nodes of one height.

    children: [2 M] where the left children, then the right ones, stand among all that this level
        takes: the pieces of lower levels, one after the other. Nothing for leaves.
    sizes: of the pieces into which its own nodes are cut.
    takers: the level that takes each piece; None takes the roots.
    """

    children: Array
    sizes: list[int]
    takers: list[int | None]


@dataclass(frozen=True)
class Plan:
    """places: int [nodes], where each node, in the order of computing, stands in [B * (2T - 1)];
    the leaves come first. levels: leaves, then nodes of height 1, and so on."""

    places: Array
    leaves: int
    levels: list[Level]


def plan(tokens: Array, trees: Array) -> Plan:
    """Return how to compute the trees int [B, T - 1, 2] over tokens int [B, T]."""
    height, parent = _heights(tokens, trees)
    there = np.flatnonzero(tree_data.nodes(tokens).ravel())
    height, parent = height.ravel(), parent.ravel()
    root = int(height.max()) + 1  # as if above all others
    taker = np.where(parent < 0, root, height[np.maximum(parent, 0)])
    # among equals the order of `there` is kept, so that both orders agree within a piece
    by_level = there[np.lexsort((taker[there], height[there]))]
    by_taker = there[np.lexsort((height[there], taker[there]))]
    rank = np.empty(len(height), int)
    rank[by_taker] = np.arange(len(by_taker))
    first = np.searchsorted(taker[by_taker], np.arange(root))
    bounds = np.searchsorted(height[by_level], np.arange(root + 1))
    children = _flat_children(tokens, trees)
    levels = []
    for level in range(root):
        nodes = by_level[bounds[level] : bounds[level + 1]]
        takers, sizes = np.unique(taker[nodes], return_counts=True)
        joined = children[nodes].T.ravel() if level else np.zeros(0, int)
        levels.append(
            Level(
                rank[joined] - first[level],
                sizes.tolist(),
                [None if number == root else int(number) for number in takers],
            )
        )
    return Plan(by_level, int(bounds[1]), levels)


def _heights(tokens: Array, trees: Array) -> tuple[Array, Array]:
    """Return the height of each node [B, 2T - 1], and its parent as a flat index, -1 for none."""
    rows, steps = tokens.shape
    width = 2 * steps - 1
    lengths = tree_data.lengths(tokens)
    height = np.zeros((rows, width), int)
    parent = np.full((rows, width), -1)
    for step in range(trees.shape[1]):
        row = np.flatnonzero(step < lengths - 1)
        if not len(row):
            break
        node, (left, right) = lengths[row] + step, trees[row, step].T
        height[row, node] = 1 + np.maximum(height[row, left], height[row, right])
        parent[row, left] = parent[row, right] = row * width + node
    return height, parent


def _flat_children(tokens: Array, trees: Array) -> Array:
    """Return the flat indices of the children of every inner node [B * (2T - 1), 2]."""
    rows, steps = tokens.shape
    width = 2 * steps - 1
    lengths = tree_data.lengths(tokens)
    flat = np.zeros((rows * width, 2), int)
    row, step = np.nonzero(np.arange(trees.shape[1]) < lengths[:, None] - 1)
    flat[row * width + lengths[row] + step] = trees[row, step] + row[:, None] * width
    return flat
