"""Read and write trees as the Stanford Sentiment Treebank does, `(3 (2 a) (4 (2 fine) (2 film)))`,
and draw them as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.data.tokens import sentence
from lab.data.trees import IGNORED, Array, chain, packed

MARKS = re.compile(r"[()]|[^\s()]+")
LONGEST = 1_000  # tokens of a sentence
UNLABELED = "_"
Label = str | None


@dataclass(frozen=True)
class Tree:
    """A binary tree: its words, the children of each inner node, and the label of each node, None
    where it has none. Nodes are numbered as `lab.data.trees` says."""

    words: tuple[str, ...]
    children: tuple[tuple[int, int], ...]
    labels: tuple[Label, ...]


@dataclass
class _Open:
    """A bracket that is not closed yet."""

    label: Label
    word: str | None
    parts: list[int]


class _Builder:
    """Collects leaves and inner nodes in post-order; inner ones count from -1 down, as it is not
    known yet how many leaves there are."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.leaf_labels: list[Label] = []
        self.children: list[tuple[int, int]] = []
        self.labels: list[Label] = []

    def leaf(self, label: Label, word: str) -> int:
        self.words.append(word)
        self.leaf_labels.append(label)
        return len(self.words) - 1

    def join(self, label: Label, left: int, right: int) -> int:
        self.children.append((left, right))
        self.labels.append(label)
        return -len(self.children)

    def rename(self, node: int, label: Label) -> int:
        """Give a node the label of the only bracket around it."""
        labels, place = (self.leaf_labels, node) if node >= 0 else (self.labels, -node - 1)
        labels[place] = label if label is not None else labels[place]
        return node

    def tree(self) -> Tree:
        count = len(self.words)
        children = tuple(
            (_final(left, count), _final(right, count)) for left, right in self.children
        )
        return Tree(tuple(self.words), children, (*self.leaf_labels, *self.labels))


def _final(node: int, leaves: int) -> int:
    return node if node >= 0 else leaves - node - 1


def read_tree(text: str, binarize: str = "") -> Tree:
    """Return the tree that brackets describe. Every node has a label, _ for none, then a word or
    two nodes.

    binarize: "left" or "right" joins the children of a node of more than two from that side, by
    nodes without a label, and drops a bracket around a single node; "" refuses both.
    Raises ValueError that says what is wrong, in one line, for brackets that are no such tree.
    """
    built, stack, root = _Builder(), list[_Open](), None
    marks = MARKS.findall(text)
    for number, mark in enumerate(marks):
        if root is not None:
            raise ValueError(f"{mark!r} stands behind the end of the tree")
        if mark == "(":
            stack.append(_Open(None, None, []))
        elif not stack:
            raise ValueError(f"{mark!r} stands outside of all brackets")
        elif mark == ")":
            node = _closed(stack.pop(), built, binarize)
            if stack:
                stack[-1].parts.append(node)
            else:
                root = node
        else:
            _add_word(stack[-1], mark, labeled=marks[number - 1] == "(")
    if stack:
        raise ValueError(f"{len(stack)} of its brackets are not closed in this line")
    if root is None:
        raise ValueError("there is no tree")
    if len(built.words) > LONGEST:
        raise ValueError(f"it has {len(built.words):,} words; a tree has {LONGEST:,} at most")
    return built.tree()


def _add_word(bracket: _Open, word: str, labeled: bool) -> None:
    if labeled:
        bracket.label = None if word == UNLABELED else word
    elif bracket.word is not None:
        raise ValueError(f"{bracket.word!r} and {word!r} stand in one bracket; each has its own")
    else:
        bracket.word = word


def _closed(bracket: _Open, built: _Builder, binarize: str) -> int:
    """Return the node of a bracket whose contents are known."""
    label, word, parts = bracket.label, bracket.word, bracket.parts
    if word is not None:
        if parts:
            raise ValueError(f"the word {word!r} stands beside a node: it needs its own bracket")
        return built.leaf(label, word)
    if not parts:
        raise ValueError(
            "an empty bracket is no node"
            if label is None
            else f"({label}) has a label, but no word"
        )
    if len(parts) != 2 and not binarize:
        count = "1 child" if len(parts) == 1 else f"{len(parts)} children"
        raise ValueError(
            f"a node {label or UNLABELED} has {count}, not two; binarize=left or binarize=right "
            "joins those of a file"
        )
    if len(parts) == 1:
        return built.rename(parts[0], label)
    while len(parts) > 2:
        parts = (
            [built.join(None, *parts[:2]), *parts[2:]]
            if binarize == "left"
            else [*parts[:-2], built.join(None, *parts[-2:])]
        )
    return built.join(label, *parts)


def plain_tree(words: Sequence[str], direction: str = "right") -> Tree:
    """Return a tree over words that branches to one side, without labels."""
    children = chain(len(words), direction)
    return Tree(tuple(words), tuple(children), (None,) * (2 * len(words) - 1))


def written(tree: Tree) -> str:
    """Return a tree in brackets, as `read_tree` takes it."""
    leaves = len(tree.words)
    texts = [
        f"({label or UNLABELED} {word})"
        for label, word in zip(tree.labels, tree.words, strict=False)
    ]
    for (left, right), label in zip(tree.children, tree.labels[leaves:], strict=True):
        texts.append(f"({label or UNLABELED} {texts[left]} {texts[right]})")
        texts[left] = texts[right] = ""
    return texts[-1]


def drawn(tree: Tree) -> str:
    """Return a tree as lines of text, a line for each node: its label, and the word of a leaf."""
    leaves, lines = len(tree.words), list[str]()
    stack = [(2 * leaves - 2, "", "")]
    while stack:
        node, before, below = stack.pop()
        word = f" {tree.words[node]}" if node < leaves else ""
        lines.append(f"{before}{tree.labels[node] or '·'}{word}")
        if node >= leaves:
            left, right = tree.children[node - leaves]
            stack.append((right, f"{below}└ ", f"{below}  "))
            stack.append((left, f"{below}├ ", f"{below}│ "))
    return "\n".join(lines)


def as_arrays(
    trees: Sequence[Tree], vocabulary: Sequence[str], classes: Sequence[str]
) -> tuple[Array, Array, Array]:
    """Return tokens int [N, T], trees int [N, T - 1, 2] and classes of nodes int [N, 2T - 1], of
    words and labels that are all known."""
    numbers = {word: number for number, word in enumerate(vocabulary)}
    class_of: dict[Label, int] = {name: number for number, name in enumerate(classes)}
    class_of[None] = IGNORED
    steps = max(len(tree.words) for tree in trees)
    tokens = np.zeros((len(trees), steps), np.int32)
    targets = np.full((len(trees), 2 * steps - 1), IGNORED, np.int32)
    for row, tree in enumerate(trees):
        tokens[row, : len(tree.words)] = [numbers[word] for word in tree.words]
        targets[row, : len(tree.labels)] = [class_of[label] for label in tree.labels]
    return tokens, packed([tree.children for tree in trees], steps), targets


def from_arrays(
    tokens: Iterable[Any],
    trees: Array,
    targets: Array | None,
    vocabulary: Sequence[str],
    classes: Sequence[str],
) -> Tree:
    """Return the tree of one row of such arrays."""
    words = tuple(sentence(tokens, vocabulary))
    children = tuple((int(left), int(right)) for left, right in trees[: len(words) - 1])
    count = 2 * len(words) - 1
    labels = (
        (None,) * count
        if targets is None
        else tuple(None if number == IGNORED else classes[number] for number in targets[:count])
    )
    return Tree(words, children, labels)
