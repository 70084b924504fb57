"""Praise and blame in trees: what a sentence says follows from its parts, and not from its words
alone: negations turn it around, degrees strengthen and weaken it, a "but" keeps one side."""

from __future__ import annotations

from itertools import product

import numpy as np

import lab
from lab.data.brackets import as_arrays, read_tree
from lab.data.trees import SENTIMENT

WORDS = {  # by what they say, from -2 to 2
    2: ("brilliant", "superb", "wonderful", "dazzling", "masterful"),
    1: ("good", "nice", "charming", "funny", "clever", "fresh"),
    0: ("long", "loud", "french", "old", "quiet"),
    -1: ("bad", "dull", "clumsy", "bland", "weak", "stale"),
    -2: ("awful", "terrible", "horrible", "dreadful", "atrocious"),
}
MODIFIERS = {  # N: turns around, I: strengthens, S: weakens
    "N": ("not", "never", "hardly"),
    "I": ("very", "really", "extremely"),
    "S": ("slightly", "somewhat", "fairly"),
}
DETERMINERS = ("the", "this", "its")
NOUNS = ("film", "plot", "acting", "script", "music", "ending")
VERBS = ("is", "was", "seems")
CHAINS = tuple("".join(chain) for size in range(4) for chain in product("NIS", repeat=size))
HELD_OUT = 0.3  # fraction of the sentences that are of held-out templates

Part = tuple[int, str]  # what it says, and its brackets
Template = tuple[str, ...]


def sentiment_trees(n: int, seed: int) -> lab.Dataset:
    """Return n different sentences: tokens int [n, T], trees int [n, T - 1, 2], a class for each
    node, of five from very negative to very positive.

    A template is the sequence of modifiers before each adjective, with what joins two clauses or
    turns one around. Test sentences are of templates that the others never have (`held_out`): of
    three modifiers, two negations, or one of what is weakened; of two clauses those with more than
    two modifiers. factors: negations [n], words that turn a part around.
    """
    rng = np.random.default_rng(seed)
    kinds = templates()
    known = [kind for kind in kinds if not held_out(kind)]
    unseen = [kind for kind in kinds if held_out(kind)]
    texts: dict[str, bool] = {}
    while len(texts) < n:
        test = len(texts) >= round((1 - HELD_OUT) * n)
        some = unseen if test else known
        texts.setdefault(_sentence(some[rng.integers(len(some))], rng)[1], test)
    trees = [read_tree(text) for text in texts]
    negating = {*MODIFIERS["N"], "nobody"}
    words = ("", *dict.fromkeys(word for tree in trees for word in tree.words))
    negations = np.array([sum(word in negating for word in tree.words) for tree in trees])
    tokens, joined, targets = as_arrays(trees, words, SENTIMENT)
    return lab.Dataset(
        tokens,
        targets,
        SENTIMENT,
        test=np.array(list(texts.values())),
        factors={"negations": negations},
        vocabulary=words,
        trees=joined,
    )


def templates() -> list[Template]:
    """Return all templates: a chain of modifiers; behind "nobody"; or two chains, joined."""
    alone: list[Template] = [(chain,) for chain in CHAINS]
    turned: list[Template] = [("nobody", chain) for chain in CHAINS if len(chain) < 3]
    short = [chain for chain in CHAINS if len(chain) < 3]
    pairs: list[Template] = list(product(short, ("and", "but"), short))
    return alone + turned + pairs


def held_out(template: Template) -> bool:
    """Tell whether a template is for testing alone."""
    *before, last = template
    if before == ["nobody"]:
        return "N" in last
    if before:
        return len(template[0]) + len(last) > 2 or template[0].count("N") + last.count("N") > 1
    return len(last) > 2 or last in ("NN", "NS")


def modified(kind: str, says: int) -> int:
    """Return what a part says behind a modifier. Who denies a strong word says little."""
    if kind == "N":
        return -int(np.sign(says))
    if kind == "I":
        return int(np.clip(2 * says, -2, 2))
    return int(np.sign(says))


def joined(first: int, second: int, word: str) -> int:
    """Return what two clauses say: behind "but" the second, with "and" their mean, towards 0."""
    return second if word == "but" else int((first + second) / 2)


def _sentence(template: Template, rng: np.random.Generator) -> Part:
    *before, last = template
    clause = _clause(last, rng)
    if before == ["nobody"]:
        report = _node(0, _leaf(0, "nobody"), _leaf(0, "says"))
        return _node(modified("N", clause[0]), report, clause)
    if not before:
        return clause
    first, word = _clause(before[0], rng), before[1]
    behind = _node(clause[0], _leaf(0, word), clause)
    return _node(joined(first[0], clause[0], word), first, behind)


def _clause(chain: str, rng: np.random.Generator) -> Part:
    scale = list(WORDS)
    says = scale[rng.integers(len(scale))]
    part = _leaf(says, _one(WORDS[says], rng))
    for kind in reversed(chain):
        part = _node(modified(kind, part[0]), _leaf(0, _one(MODIFIERS[kind], rng)), part)
    subject = _node(0, _leaf(0, _one(DETERMINERS, rng)), _leaf(0, _one(NOUNS, rng)))
    return _node(part[0], subject, _node(part[0], _leaf(0, _one(VERBS, rng)), part))


def _one(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[rng.integers(len(words))]


def _leaf(says: int, word: str) -> Part:
    return says, f"({_name(says)} {word})"


def _node(says: int, left: Part, right: Part) -> Part:
    return says, f"({_name(says)} {left[1]} {right[1]})"


def _name(says: int) -> str:
    return SENTIMENT[says + 2].replace(" ", "-")
