"""Trees over sentences: as arrays, in brackets, in a dataset, and in what a run reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import lab
from lab.data.batches import make_split
from lab.data.brackets import Tree, as_arrays, drawn, from_arrays, plain_tree, read_tree, written
from lab.data.dataset import checked
from lab.data.dataset_info import DatasetInfo
from lab.data.fingerprint import contents_changed, digests
from lab.data.splits import split
from lab.data.trees import IGNORED, NONE, chain, packed, spans

TEXT = "(3 (2 a) (4 (1 fine) (0 film)))"
WORDS = ("", "a", "b", "c", "d")


def dataset(n: int = 40, **fields: Any) -> Any:
    """A `lab.Dataset`: sentences of two to four words; those of even rows branch to the right, the
    others to the left."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(2, 5, n)
    tokens = np.where(np.arange(4) < lengths[:, None], rng.integers(1, 5, (n, 4)), 0)
    sides = ("right", "left")
    trees = packed([chain(length, sides[row % 2]) for row, length in enumerate(lengths)], 4)
    there = np.arange(7) < 2 * lengths[:, None] - 1
    targets = np.where(there, rng.integers(0, 2, (n, 7)), IGNORED)
    facts = {"vocabulary": WORDS, "trees": trees, **fields}
    return lab.Dataset(tokens, targets, ("no", "yes"), **facts)


def test_brackets_are_read_as_they_are_written() -> None:
    tree = read_tree(TEXT)
    assert tree == Tree(("a", "fine", "film"), ((1, 2), (0, 3)), ("2", "1", "0", "4", "3"))
    assert written(tree) == TEXT
    assert read_tree(f"  {TEXT.replace(' ', '   ')} ") == tree
    assert read_tree("(1 word)") == Tree(("word",), (), ("1",))


def test_a_label_that_is_missing_is_read_as_it_is_written() -> None:
    tree = read_tree("(3 (_ a) (_ b))")
    assert tree.labels == (None, None, "3")
    assert read_tree(written(tree)) == tree
    assert read_tree(written(plain_tree(["a", "b"]))) == plain_tree(["a", "b"])


def test_a_tree_is_drawn_a_line_for_each_node() -> None:
    assert drawn(read_tree(TEXT)).splitlines() == [
        "3", "├ 2 a", "└ 4", "  ├ 1 fine", "  └ 0 film",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ("left", "(S (_ (_ (A a) (B b)) (C c)) (D e))"),
        ("right", "(S (A a) (_ (B b) (_ (C c) (D e))))"),
    ],
)
def test_nodes_of_other_numbers_of_children_are_made_binary(side, expected) -> None:
    tree = read_tree("(S (A a) (B b) (C c) (D (E e)))", side)
    assert written(tree) == expected
    assert tree.labels.count(None) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("(3 (2 a)", "1 of its brackets are not closed in this line"),
        ("(3 (2 a) (2 b)))", "')' stands behind the end of the tree"),
        ("(3 (2 a) (2 b)) (2 c)", "'(' stands behind the end of the tree"),
        ("a (2 b)", "'a' stands outside of all brackets"),
        ("(3 (2 a) b)", "the word 'b' stands beside a node"),
        ("(3 (2 a b))", "'a' and 'b' stand in one bracket"),
        ("(3 (2) (2 b))", "(2) has a label, but no word"),
        ("(3 (_) (2 b))", "an empty bracket is no node"),
        ("(3 () (2 b))", "an empty bracket is no node"),
        ("(3 (2 a) (2 b) (2 c))", "has 3 children, not two; binarize=left or binarize=right"),
        ("(3 (2 a))", "a node 3 has 1 child, not two"),
        ("   ", "there is no tree"),
        ("(1 w " * 1_001 + ")" * 1_001, "stands beside a node"),
    ],
)
def test_what_is_no_tree_is_said(text, why) -> None:
    with pytest.raises(ValueError) as error:
        read_tree(text)
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_deep_trees_are_no_recursion() -> None:
    deep = written(plain_tree(["w"] * 900, "left"))
    tree = read_tree(deep)
    assert tree.children == tuple(chain(900, "left"))
    assert len(drawn(tree).splitlines()) == 1_799
    with pytest.raises(ValueError, match="1,001 words"):
        read_tree(written(plain_tree(["w"] * 1_001)))


def test_arrays_hold_what_trees_hold() -> None:
    trees = [read_tree(TEXT), read_tree("(4 a)"), read_tree("(_ (2 a) (3 a))")]
    words, classes = ("", "a", "film", "fine"), ("0", "1", "2", "3", "4")
    tokens, joined, targets = as_arrays(trees, words, classes)
    assert tokens.tolist() == [[1, 3, 2], [1, 0, 0], [1, 1, 0]]
    assert joined.tolist() == [
        [[1, 2], [0, 3]], [[NONE, NONE], [NONE, NONE]], [[0, 1], [NONE, NONE]],
    ]  # fmt: skip
    assert targets[0].tolist() == [2, 1, 0, 4, 3]
    assert targets[2].tolist() == [2, 3, IGNORED, IGNORED, IGNORED]
    for row, tree in enumerate(trees):
        assert from_arrays(tokens[row], joined[row], targets[row], words, classes) == tree


def test_spans_are_what_nodes_stand_over() -> None:
    tokens = np.array([[1, 2, 3, 4], [1, 2, 0, 0]])
    trees = packed([[(1, 2), (0, 4), (5, 3)], [(0, 1)]], 4)
    found = spans(tokens, trees).tolist()
    assert found[0] == [[0, 1], [1, 2], [2, 3], [3, 4], [1, 3], [0, 3], [0, 4]]
    assert found[1] == [[0, 1], [1, 2], [0, 2], [0, 0], [0, 0], [0, 0], [0, 0]]


def test_a_dataset_of_trees() -> None:
    data: Any = checked(dataset(), "it")[0]
    assert (data.kind, data.task, data.shape) == ("tree", "classify", (4,))
    assert replace(data, parse=True).task == replace(data, targets=None).task == "parse"
    taken = data.take(np.array([3, 5]))
    assert taken.trees is not None
    assert (taken.trees == data.trees[[3, 5]]).all()
    parts = split(data, "it")
    assert sum(map(len, parts.values())) == len(data)
    info = DatasetInfo.of("it", data, parts["train"])
    assert (info.kind, info.outputs, info.per_step, info.mean) == ("tree", 2, False, ())
    assert DatasetInfo.from_plain(info.as_plain()) == info


def test_batches_carry_trees() -> None:
    import torch

    data = dataset()
    part = make_split(
        data.inputs, data.targets, np.arange(5), torch.device("cpu"), True, None, data.trees
    )
    batch = part.take(torch.tensor([4, 0]))
    assert batch["trees"].tolist() == data.trees[[4, 0]].tolist()


def test_other_trees_are_other_data() -> None:
    data = dataset()
    other = data.trees.copy()
    row = int(np.flatnonzero((data.inputs > 0).sum(1) == 4)[0])
    other[row, :3] = chain(4, "left" if row % 2 == 0 else "right")
    changed = contents_changed(digests(data), digests(replace(data, trees=other)))
    assert changed == ["other trees"]


def broken(children: list[tuple[int, int]]) -> np.ndarray:
    trees = dataset().trees.copy()
    row = int(np.flatnonzero((dataset().inputs > 0).sum(1) == 3)[0])
    trees[row, :2] = children
    return trees


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"trees": dataset().trees[:, :2]}, "trees over tokens [40, 4] are int [40, 3, 2]"),
        ({"trees": dataset().trees.astype(float)}, "not float64"),
        ({"trees": broken([(0, 2), (1, 3)])}, "does not join two neighbors"),  # not side by side
        ({"trees": broken([(0, 4), (1, 2)])}, "does not join two neighbors"),  # before its child
        ({"trees": broken([(1, 0), (3, 2)])}, "does not join two neighbors"),  # the wrong way
        ({"trees": broken([(0, 1), (1, 2)])}, "does not join two neighbors"),  # a part twice
        ({"trees": broken([(0, 1), (NONE, NONE)])}, "does not join two neighbors"),  # no root
        ({"trees": dataset(39).trees}, "40 inputs, but 39 trees"),
        ({"targets": dataset().targets[:, :6]}, "classes of the nodes of its trees are [40, 7]"),
        ({"targets": np.zeros((40, 7), int)}, "a class stands where there is no node"),
        ({"targets": np.full((40, 7), IGNORED)}, "no node of its trees has a class"),
        ({"inputs": np.eye(40, 1, dtype=int) * np.ones((1, 4), int)}, "has a tree over no word"),
        ({"vocabulary": ()}, "trees stand over tokens [N, T] with a vocabulary"),
    ],
)
def test_what_are_no_trees_is_said(fields, why) -> None:
    with pytest.raises(lab.UsageError) as error:
        checked(replace(dataset(), **fields), "it")
    assert why in str(error.value)
