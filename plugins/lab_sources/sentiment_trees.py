"""Praise and blame in trees: what a sentence says follows from its parts, and not from its words
alone. Modifiers multiply what is behind them, as in lexicons of sentiment (Taboada et al., 2011,
section 2.3), negations by less than 0, and a "but" keeps one side."""

from __future__ import annotations

from itertools import product
from typing import TypeVar

import numpy as np

import lab
from lab.data.brackets import as_arrays, read_tree
from lab.data.trees import SENTIMENT

WORDS = {  # by what they say, from -5 to 5
    5.0: ("masterful", "superb"), 4.0: ("brilliant", "wonderful"), 3.0: ("great", "charming"),
    2.0: ("good", "funny"), 1.0: ("fine", "decent"), 0.0: ("long", "loud", "french", "old"),
    -1.0: ("plain", "uneven"), -2.0: ("bad", "dull"), -3.0: ("clumsy", "dreary"),
    -4.0: ("awful", "terrible"), -5.0: ("atrocious", "abysmal"),
}  # fmt: skip
MODIFIERS = {  # what they multiply that by; N: turns around, I: strengthens, S: weakens
    "N": {"not": -0.8, "never": -1.0, "hardly": -0.5, "scarcely": -0.6},
    "I": {"really": 1.15, "very": 1.25, "extremely": 1.5, "incredibly": 1.75, "most": 2.0},
    "S": {"vaguely": 0.4, "slightly": 0.5, "somewhat": 0.7, "rather": 0.8, "fairly": 0.9},
}
REPORT = -0.8  # nobody says that
NEUTRAL, STRONG = 0.75, 3.0  # below the one a part says nothing, from the other on much
DETERMINERS = ("the", "this", "its")
NOUNS = ("film", "plot", "acting", "script", "music", "ending")
VERBS = ("is", "was", "seems")
CHAINS = tuple("".join(chain) for size in range(4) for chain in product("NIS", repeat=size))
HELD_OUT = 0.3  # fraction of the sentences that are of held-out templates

T = TypeVar("T")
Part = tuple[float, str]  # what it says, and its brackets
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


def joined(first: float, second: float, word: str) -> float:
    """Return what two clauses say: behind "but" the second, with "and" their mean."""
    return second if word == "but" else (first + second) / 2


def class_of(says: float) -> str:
    """Return the name of what a number says."""
    side = (says >= NEUTRAL) - (says <= -NEUTRAL)
    return SENTIMENT[2 + side * (1 + (abs(says) >= STRONG))]


def _sentence(template: Template, rng: np.random.Generator) -> Part:
    *before, last = template
    clause = _clause(last, rng)
    if before == ["nobody"]:
        report = _node(0.0, _leaf(0.0, "nobody"), _leaf(0.0, "says"))
        return _node(REPORT * clause[0], report, clause)
    if not before:
        return clause
    first, word = _clause(before[0], rng), before[1]
    behind = _node(clause[0], _leaf(0.0, word), clause)
    return _node(joined(first[0], clause[0], word), first, behind)


def _clause(chain: str, rng: np.random.Generator) -> Part:
    says = _one(tuple(WORDS), rng)
    part = _leaf(says, _one(WORDS[says], rng))
    for kind in reversed(chain):
        word = _one(tuple(MODIFIERS[kind]), rng)
        part = _node(MODIFIERS[kind][word] * part[0], _leaf(0.0, word), part)
    subject = _node(0.0, _leaf(0.0, _one(DETERMINERS, rng)), _leaf(0.0, _one(NOUNS, rng)))
    return _node(part[0], subject, _node(part[0], _leaf(0.0, _one(VERBS, rng)), part))


def _one(options: tuple[T, ...], rng: np.random.Generator) -> T:
    return options[rng.integers(len(options))]


def _leaf(says: float, word: str) -> Part:
    return says, f"({class_of(says)} {word})"


def _node(says: float, left: Part, right: Part) -> Part:
    return says, f"({class_of(says)} {left[1]} {right[1]})"
