"""Trees: what their words say, how Python's own parser reads them, and files of them."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from lab.data.brackets import Tree, from_arrays, read_tree, written
from lab.data.dataset import Dataset
from lab.data.splits import split
from lab.data.trees import IGNORED
from lab.errors import UsageError
from lab_sources.python_trees import bracketed
from lab_sources.scenes import LOOKS
from lab_sources.sentiment_trees import MODIFIERS, WORDS, class_of, held_out, templates

SMALL = {"n": 300}


def trees_of(dataset: Dataset) -> list[Tree]:
    assert dataset.trees is not None
    assert dataset.targets is not None
    rows = zip(dataset.inputs, dataset.trees, dataset.targets, strict=True)
    return [from_arrays(*row, dataset.vocabulary, dataset.classes) for row in rows]


@pytest.mark.parametrize(
    ("source", "task"),
    [
        ("sentiment-trees", "classify"),
        ("grammar", "parse"),
        ("scenes", "parse"),
        ("stdlib-expr", "parse"),
    ],
)
def test_sentences_are_different_and_words_are_used(ask, source, task) -> None:
    dataset = ask(source, **SMALL)
    assert (dataset.kind, dataset.task, len(dataset)) == ("tree", task, 300)
    assert len(np.unique(dataset.inputs, axis=0)) >= 299  # a tree may be another over equal words
    used = {word for tree in trees_of(dataset) for word in tree.words}
    assert used == set(dataset.vocabulary[1:])


# -- praise and blame

NUMBERS = {word: says for says, words in WORDS.items() for word in words}
FACTORS = {word: factor for words in MODIFIERS.values() for word, factor in words.items()}


def number(words: tuple[str, ...]) -> float:
    """Say what words say, from the left to the right, without a tree."""
    for place, word in enumerate(words):
        if word == "but":
            return number(words[place + 1 :])
        if word == "and":
            return (number(words[:place]) + number(words[place + 1 :])) / 2
    factor, says = 1.0, 0.0
    for word in words:
        factor *= -0.8 if word == "nobody" else FACTORS.get(word, 1.0)
        says = NUMBERS.get(word, says)
    return factor * says


def test_roots_say_what_their_words_say(ask) -> None:
    for tree in trees_of(ask("sentiment-trees", n=600)):
        if abs(abs(number(tree.words)) - 3) > 1e-9 and abs(abs(number(tree.words)) - 0.75) > 1e-9:
            assert tree.labels[-1] == class_of(number(tree.words))


@pytest.mark.parametrize(
    ("says", "name"),
    [
        (-3.0, "very-negative"), (-2.9, "negative"), (-0.75, "negative"), (-0.7, "neutral"),
        (0.0, "neutral"), (0.7, "neutral"), (0.75, "positive"), (3.0, "very-positive"),
    ],
)  # fmt: skip
def test_classes_are_ranges(says, name) -> None:
    assert class_of(says) == name


def test_templates_of_the_test_are_no_others(ask) -> None:
    kinds = {word: kind for kind, words in MODIFIERS.items() for word in words}

    def template(tree: Tree) -> tuple[str, ...]:
        found = [""]
        for word in tree.words:
            if word in ("and", "but"):
                found += [word, ""]
            elif word == "nobody":
                found = ["nobody", ""]
            found[-1] += kinds.get(word, "")
        return tuple(found)

    dataset = ask("sentiment-trees", n=600)
    found = [template(tree) for tree in trees_of(dataset)]
    assert set(found) <= set(templates())
    assert [held_out(kind) for kind in found] == dataset.test.tolist()
    assert dataset.test.sum() == 180
    assert held_out(("NN",))
    assert held_out(("nobody", "NI"))
    assert not held_out(("NI",))


# -- grammar and scenes


def test_what_is_behind_with_says_where_it_belongs(ask) -> None:
    seen = set()
    for tree in trees_of(ask("grammar", n=1_000)):
        text = written(tree)
        for tool in ("telescope", "hammer", "stick", "brush"):
            assert f"(NP (DET the) (N {tool}))" not in _behind_nouns(text)
        seen |= {"tool"} if any(f"(N {t})" in text for t in ("hammer", "brush")) else set()
        assert max(map(len, [tree.words])) <= 16
    assert seen


def _behind_nouns(text: str) -> str:
    """Return the parts of a tree that stand in a noun phrase with a preposition."""
    found, tree = [], read_tree(text)
    parts = [f"({label} {word})" for label, word in zip(tree.labels, tree.words, strict=False)]
    for (left, right), label in zip(tree.children, tree.labels[len(tree.words) :], strict=True):
        parts.append(f"({label} {parts[left]} {parts[right]})")
        if label == "NP" and parts[right].startswith("(PP (P with)"):
            found.append(parts[right])
    return " ".join(found)


def test_parts_look_as_such_parts_do(ask) -> None:
    for tree in trees_of(ask("scenes", n=300)):
        for label, word in zip(tree.labels, tree.words, strict=False):
            assert label is not None
            assert word in LOOKS[label]


# -- Python's expressions

TOKENS = {"-LRB-": "(", "-RRB-": ")", "is-not": "is not", "not-in": "not in"}
PLAIN = {ast.Name: "x", ast.Attribute: "x"}


def source_of(tree: Tree) -> str:
    return " ".join(TOKENS.get(word, word) for word in tree.words)


class _Plain(ast.NodeTransformer):
    """Puts x, 0 and '' in the place of names, numbers and texts."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name("x", node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        return ast.Attribute(self.visit(node.value), "x", node.ctx)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str):
            return ast.Constant("")
        return node if node.value is None or isinstance(node.value, bool) else ast.Constant(0)


@pytest.mark.parametrize(
    "text",
    [
        "a + b * c - d", "(a + b) * c", "a - (b - c)", "-a ** -b", "(-a) ** b", "(a ** b) ** c",
        "a ** b ** c", "not a and b or c", "not (a or b)", "(a and b) and c", "a and b and c",
        "a < b <= c", "(a < b) < c", "a < (b < c)", "x.y[0].z(1, 'a')", "(a + b).c", "(-a).b",
        "f()", "f(a, (b, c)[0])", "a if b else c if d else e", "(a if b else c) + d",
        "(a if b else c) if d else e", "a if (b if c else d) else e", "a | b ^ c & d << e",
        "~a % b // c @ d", "x is not None", "x not in y", "not x in y", "a[b if c else d]",
        "(not a) + b", "(not a) < b", "- - a", "a - -b", "(a or b) and c", "True",
    ],
)  # fmt: skip
def test_the_leaves_of_an_expression_are_parsed_to_the_same(text) -> None:
    node = ast.parse(text, mode="eval").body
    found = bracketed(node)
    if found is None:
        assert "(b, c)" in text  # a display is another kind of expression
        return
    again = ast.parse(source_of(read_tree(found)), mode="eval").body
    assert ast.dump(again) == ast.dump(_Plain().visit(node))


@pytest.mark.parametrize(
    "text", ["lambda: a", "[a]", "f(*a)", "f(a=1)", "a + [b]", "b''", "(a, b)"]
)
def test_other_expressions_are_left_out(text) -> None:
    assert bracketed(ast.parse(text, mode="eval").body) is None


def test_every_sentence_of_the_library_is_an_expression(ask) -> None:
    dataset = ask("stdlib-expr", **SMALL)
    for tree in trees_of(dataset):
        ast.parse(source_of(tree), mode="eval")
        assert 3 <= len(tree.words) <= 15


def test_a_file_is_on_one_side(ask) -> None:
    dataset = ask("stdlib-expr", n=1_500)
    sides = [set(dataset.groups[rows].tolist()) for rows in split(dataset, "it").values()]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


# -- files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "bank"
    place.mkdir()
    lines = [f"(3 (2 w{n}) (4 (1 fine) (0 w{n % 3})))" for n in range(30)]
    (place / "train.txt").write_text("\n".join(lines))
    (place / "dev.txt").write_text("(3 (2 other) (2 fine))\n\n(1 (2 w1) (2 w2))\n")
    (place / "test.txt").write_text("(4 (3 fine) (2 w0))\n(2 fine)\n")
    return place


def test_a_folder_brings_its_own_split(ask, folder) -> None:
    dataset = ask(f"trees:{folder}")
    assert dataset.classes == (
        "very-negative", "negative", "neutral", "positive", "very-positive",
    )  # fmt: skip
    assert (dataset.eval.sum(), dataset.test.sum(), len(dataset)) == (2, 2, 34)
    assert trees_of(dataset)[30].words == ("<unk>", "fine")
    assert trees_of(dataset)[33] == Tree(("fine",), (), ("neutral",))


def test_rare_words_are_unknown(ask, folder) -> None:
    words = ask(f"trees:{folder}", min_count=5).vocabulary
    assert words == ("", "<unk>", "fine", "w0", "w1", "w2")


def test_a_file_alone_is_split_as_others_are(ask, folder) -> None:
    dataset = ask(f"trees:{folder / 'train.txt'}", task="parse")
    assert (dataset.test, dataset.eval, dataset.task) == (None, None, "parse")


@pytest.mark.parametrize(
    ("part", "text", "why"),
    [
        (
            "train",
            "(1 (1 a) (1 b))\n\n(1 (1 a)\n",
            "trees:bank/train.txt: line 3: 1 of its brackets",
        ),
        (
            "train",
            "(1 (1 a) (1 b) (1 c))\n",
            "trees:bank/train.txt: line 1: a node 1 has 3 children",
        ),
        ("train", "\n", "trees:bank/train.txt holds no tree"),
        ("test", "(2 fine)\n(7 fine)\n", "trees:bank/test.txt: line 2: train.txt has no label '7'"),
        ("dev", "fine\n", "trees:bank/dev.txt: line 1: 'fine' stands outside of all brackets"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(ask, folder, part, text, why) -> None:
    (folder / f"{part}.txt").write_text(text)
    with pytest.raises(UsageError) as error:
        ask(f"trees:{folder}")
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_what_holds_no_tree_is_said(ask, folder) -> None:
    (folder / "empty.txt").write_text("\n")
    with pytest.raises(UsageError, match="empty.txt holds no tree"):
        ask(f"trees:{folder / 'empty.txt'}")
    (folder / "train.txt").unlink()
    with pytest.raises(UsageError, match=r"bank has no train.txt; a folder has that"):
        ask(f"trees:{folder}")
    with pytest.raises(UsageError, match="trees: there is no file or folder"):
        ask(f"trees:{folder / 'nothing.txt'}")


def test_trees_without_labels_are_to_be_found(ask, tmp_path) -> None:
    place = tmp_path / "plain.txt"
    place.write_text("".join(f"(_ (_ w{n}) (_ x))\n" for n in range(30)))
    dataset = ask(f"trees:{place}")
    assert (dataset.task, dataset.classes, dataset.targets) == ("parse", (), None)


def test_nodes_without_a_label_have_no_class(ask, tmp_path) -> None:
    place = tmp_path / "roots.txt"
    place.write_text("".join(f"({n % 2} (_ w{n}) (_ x))\n" for n in range(30)))
    dataset = ask(f"trees:{place}")
    assert (dataset.task, dataset.classes) == ("classify", ("0", "1"))
    np.testing.assert_array_equal(dataset.targets[1], [IGNORED, IGNORED, 1])


def test_children_of_treebanks_are_made_binary(ask, tmp_path) -> None:
    place = tmp_path / "many.txt"
    place.write_text("".join(f"(S (A w{n}) (B x) (C (D y)))\n" for n in range(30)))
    left, right = (trees_of(ask(f"trees:{place}", binarize=side))[0] for side in ("left", "right"))
    assert (left.children, right.children) == (((0, 1), (3, 2)), ((1, 2), (0, 3)))
    assert left.labels == right.labels == ("A", "B", "C", None, "S")
