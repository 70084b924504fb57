"""Read what a person writes: texts, or trees in brackets, as tokens of a run's vocabulary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

import lab
from lab.data.brackets import read_tree
from lab.data.trees import packed
from lab.supervised.sentences import Sentences
from lab.tokenizers.words import UNKNOWN


class Given(NamedTuple):
    """tokens: int [B, T]. trees: of each, the children that its brackets say; None of a text."""

    tokens: Tensor
    children: list[Sequence[tuple[int, int]] | None]

    def trees(self, find: Callable[[Tensor], Tensor]) -> Tensor:
        """Return trees int [B, T - 1, 2]: those that were given, and of other tokens those that
        `find` returns of them."""
        known = [children or () for children in self.children]
        trees = torch.from_numpy(packed(known, self.tokens.shape[1])).long()
        rows = [row for row, children in enumerate(self.children) if children is None]
        if rows:
            trees[rows] = find(self.tokens[rows])
        return trees


def read(texts: Iterable[object], info: lab.DatasetInfo) -> Given:
    """Return what texts hold; one that begins with a bracket is a tree, whose labels are not read.

    Words that training did not see are <unk> where it had that; then case does not keep a word from
    being known. Raises UsageError for other unknown words, and for brackets that are no tree.
    """
    known = {word: number for number, word in enumerate(info.vocabulary)}
    rows, children = [], list[Sequence[tuple[int, int]] | None]()
    for text in texts:
        if not isinstance(text, str):
            raise lab.UsageError(
                f"{info.name} has trees over words: predict from texts, or trees in brackets"
            )
        words, tree = _parts(text, info)
        rows.append([_number(word, known, text) for word in words])
        children.append(tree)
    tokens = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for row, numbers in zip(tokens, rows, strict=True):
        row[: len(numbers)] = torch.tensor(numbers)
    return Given(tokens, children)


def _parts(
    text: str, info: lab.DatasetInfo
) -> tuple[Sequence[str], Sequence[tuple[int, int]] | None]:
    """Return the words of a text, and the children of its tree, if it has one."""
    if text.lstrip().startswith("("):
        try:
            tree = read_tree(text)
        except ValueError as error:
            raise lab.UsageError(f"{text!r} is no tree: {error}") from error
        return tree.words, tree.children
    words = Sentences(info.vocabulary).split(text)
    if not words:
        raise lab.UsageError("an empty text says nothing: leave it out")
    return words, None


def _number(word: str, known: Mapping[str, int], text: str) -> int:
    if word in known:
        return known[word]
    if UNKNOWN not in known:
        raise lab.UsageError(f"{text!r}: training saw no word {word!r}")
    return known.get(word.lower(), known[UNKNOWN])
