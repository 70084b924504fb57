"""Read trees from files, in the brackets of the Stanford Sentiment Treebank, a line each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import lab
from lab.data.brackets import Tree, as_arrays, read_tree
from lab.data.text_files import read_text
from lab.data.trees import SENTIMENT
from lab.tokenizers.words import UNKNOWN

PARTS = ("train", "dev", "test")  # files of a folder
LABELS = tuple(map(str, range(len(SENTIMENT))))
Line = tuple[str, int, Tree]  # part, number of the line, what it holds


def trees(path: str, task: str, binarize: str, min_count: int, encoding: str) -> lab.Dataset:
    """Return the trees of a file, or of train.txt, dev.txt and test.txt of a folder, of which dev
    is to select by: tokens int [N, T], trees int [N, T - 1, 2], the classes of nodes.

    Classes are the labels, those from 0 to 4 by the names that they have in the treebank. Words
    that train does not have `min_count` times are <unk>. Raises UsageError that names file and line
    for what is no tree, or has a label that train has not.
    """
    lines = list(_lines(path, binarize, encoding))
    train = [tree for part, _, tree in lines if part in ("", PARTS[0])]
    labels = sorted({label for tree in train for label in tree.labels if label is not None})
    _check_labels(lines, set(labels), path)
    counts = Counter(word for tree in train for word in tree.words)
    known = {word for word, count in counts.items() if count >= min_count}
    read = [_with_unknown(tree, known) for _, _, tree in lines]
    words = ("", *sorted({word for tree in read for word in tree.words}))
    tokens, joined, targets = as_arrays(read, words, labels)
    own = {part: np.array([line[0] == part for line in lines]) for part in PARTS}
    return lab.Dataset(
        tokens,
        targets if labels else None,
        SENTIMENT if tuple(labels) == LABELS else tuple(labels),
        test=own["test"] if own["test"].any() else None,
        eval=own["dev"] if own["dev"].any() else None,
        vocabulary=words,
        trees=joined,
        parse=task == "parse",
    )


def trees_task(path: str, task: str, binarize: str, min_count: int, encoding: str) -> str:
    """Say what the trees are for by the first of them: classes, where it has labels."""
    first = next(_lines(path, binarize, encoding))[2]
    return "classify" if any(first.labels) else "parse"


def _lines(path: str, binarize: str, encoding: str) -> Iterator[Line]:
    """Yield the trees of all files. Raises UsageError where one has none."""
    place = Path(path)
    for part, file in _files(place):
        found = False
        name = f"trees:{file.name if file == place else f'{place.name}/{file.name}'}"
        text = read_text(file, name, encoding)
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            try:
                found = True
                yield part, number, read_tree(line, binarize)
            except ValueError as error:
                raise lab.UsageError(f"{name}: line {number}: {error}") from error
        if not found:
            raise lab.UsageError(f"{name} holds no tree")


def _files(place: Path) -> list[tuple[str, Path]]:
    if place.is_file():
        return [("", place)]
    if not place.is_dir():
        raise lab.UsageError(f"trees: there is no file or folder {place}")
    files = [(part, place / f"{part}.txt") for part in PARTS]
    there = [(part, file) for part, file in files if file.is_file()]
    if not there or there[0][0] != PARTS[0]:
        raise lab.UsageError(
            f"trees:{place.name} has no train.txt; a folder has that, and dev.txt and test.txt"
        )
    return there


def _check_labels(lines: Sequence[Line], known: set[str], path: str) -> None:
    for part, number, tree in lines:
        for label in tree.labels:
            if label is not None and label not in known:
                raise lab.UsageError(
                    f"trees:{Path(path).name}/{part}.txt: line {number}: train.txt has no label "
                    f"{label!r}"
                )


def _with_unknown(tree: Tree, known: set[str]) -> Tree:
    words = tuple(word if word in known else UNKNOWN for word in tree.words)
    return replace(tree, words=words)
