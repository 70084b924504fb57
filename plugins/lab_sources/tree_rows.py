"""Turn trees in brackets into a dataset to parse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import lab
from lab.data.brackets import as_arrays, read_tree


def parsed(texts: Sequence[str], **fields: Any) -> lab.Dataset:
    """Return sentences whose trees are to be found, with a class for each node that has a label.

    texts: a tree each, in brackets, all labels and words known. factors: length [n] in words.
    """
    trees = [read_tree(text) for text in texts]
    words = ("", *sorted({word for tree in trees for word in tree.words}))
    classes = tuple(sorted({label for tree in trees for label in tree.labels if label is not None}))
    tokens, joined, targets = as_arrays(trees, words, classes)
    return lab.Dataset(
        tokens,
        targets,
        classes,
        factors={"length": np.array([len(tree.words) for tree in trees])},
        vocabulary=words,
        trees=joined,
        parse=True,
        **fields,
    )
