"""Hold binary trees over sentences as arrays.

The leaves of a sentence of n tokens are its nodes 0 to n - 1, from the left; inner nodes are n to
2n - 2, children before their parent, the root last. Trees int [N, T - 1, 2] name the two children
of each inner node, NONE where there is none, and classes of nodes int [N, 2T - 1] are IGNORED where
a node has none, or there is no node.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lab.data.tokens import END
from lab.errors import UsageError

Array = np.ndarray[Any, np.dtype[Any]]

NONE = -1  # the child of what is no node
SENTIMENT = ("very-negative", "negative", "neutral", "positive", "very-positive")
IGNORED = -100  # the class of what is no target: torch's own losses pass over it


def lengths(tokens: Array) -> Array:
    """Return how many tokens [N, T] there are before the end of each sentence [N]."""
    return np.asarray((tokens != END).sum(1))


def nodes(tokens: Array) -> Array:
    """Tell which of 2T - 1 nodes there are: bool [N, 2T - 1]."""
    return np.arange(2 * tokens.shape[1] - 1) < 2 * lengths(tokens)[:, None] - 1


def spans(tokens: Array, trees: Array) -> Array:
    """Return the tokens that each node stands over, [start, end) int [N, 2T - 1, 2]; [0, 0) where
    there is no node. Of what is no tree the spans say nothing."""
    rows, steps = tokens.shape
    length = lengths(tokens)
    found = np.zeros((rows, 2 * steps - 1, 2), int)
    place = np.arange(steps)
    found[:, :steps] = np.where(
        (place < length[:, None])[..., None], np.stack([place, place + 1], -1), 0
    )
    for step in range(trees.shape[1]):
        row = np.flatnonzero(step < length - 1)
        left, right = trees[row, step].T
        found[row, length[row] + step, 0] = found[row, left, 0]
        found[row, length[row] + step, 1] = found[row, right, 1]
    return found


def chain(length: int, direction: str = "right") -> list[tuple[int, int]]:
    """Return the children of a tree over `length` tokens in which every node but the last has one
    leaf: a (b (c d)) where it branches to the right, ((a b) c) d where to the left."""
    if direction == "left":
        return [(length + step - 1 if step else 0, step + 1) for step in range(length - 1)]
    last = length - 1
    return [(last - 1 - step, length + step - 1 if step else last) for step in range(length - 1)]


def packed(trees: Sequence[Sequence[tuple[int, int]]], steps: int) -> Array:
    """Return children, a list of pairs for each sentence, as trees int [N, steps - 1, 2]."""
    filled = np.full((len(trees), steps - 1, 2), NONE, np.int32)
    for row, children in zip(filled, trees, strict=True):
        row[: len(children)] = np.asarray(children, int).reshape(-1, 2)
    return filled


def check_trees(tokens: Any, trees: Array, targets: Array | None, name: str) -> None:
    """Raise UsageError where trees are none, or belong to other tokens. `name` is the source's."""
    rows, steps = tokens.shape
    if trees.shape != (rows, steps - 1, 2) or trees.dtype.kind not in "iu":
        raise UsageError(
            f"{name}: trees over tokens {list(tokens.shape)} are int {[rows, steps - 1, 2]}, not "
            f"{trees.dtype} {list(trees.shape)}"
        )
    if targets is not None and targets.shape != (rows, 2 * steps - 1):
        raise UsageError(
            f"{name}: classes of the nodes of its trees are {[rows, 2 * steps - 1]}, not "
            f"{list(targets.shape)}"
        )
    words = np.asarray(tokens[np.arange(rows)])
    length = lengths(words)
    if not length.all():
        raise UsageError(f"{name}: row {int(length.argmin())} has a tree over no word")
    _check_children(words, trees, length, name)
    if targets is not None and (targets[~nodes(words)] != IGNORED).any():
        raise UsageError(f"{name}: a class stands where there is no node; {IGNORED} says none")


def _check_children(words: Array, trees: Array, length: Array, name: str) -> None:
    """Children come before their parent, stand side by side, and the root is over all words: with
    as many nodes as there are, no other arrays do so than those of trees."""
    step = np.arange(trees.shape[1])
    inner = step < length[:, None] - 1
    later = (trees < 0) | (trees >= (length[:, None] + step)[..., None])
    wrong = np.where(inner, later.any(-1), (trees != NONE).any(-1))
    if not wrong.any():
        span = spans(words, trees)
        row, place = np.nonzero(inner)
        left, right = trees[row, place].T
        wrong[row, place] = span[row, left, 1] != span[row, right, 0]
        root = np.maximum(length - 2, 0)
        all_rows = np.flatnonzero(length > 1)
        whole = span[all_rows, 2 * length[all_rows] - 2] == np.stack(
            [np.zeros_like(all_rows), length[all_rows]], -1
        )
        wrong[all_rows, root[all_rows]] |= ~whole.all(-1)
    if wrong.any():
        bad, at = map(int, np.argwhere(wrong)[0])
        raise UsageError(
            f"{name}: row {bad}: node {length[bad] + at} of its tree, of children "
            f"{trees[bad, at].tolist()}, does not join two neighbors"
        )
