"""Speak English of a small grammar, whose phrases are nested: where a phrase belongs depends on the
words in it."""

from __future__ import annotations

import numpy as np

import lab
from lab_sources.tree_rows import parsed

NOUNS = ("man", "woman", "dog", "child", "doctor", "farmer", "bird", "horse")
WORN = ("hat", "scarf", "beard", "coat")  # the noun before has it
TOOLS = ("telescope", "hammer", "stick", "brush")  # the verb before is done by it
PLACES = ("park", "garden", "street", "forest")
DETERMINERS = ("the", "a", "every")
ADJECTIVES = ("old", "small", "clever", "tired")
TRANSITIVE = ("saw", "hit", "painted", "followed")
INTRANSITIVE = ("slept", "laughed", "waited")
ADVERBS = ("quickly", "again")
DEPTH = 3  # of noun phrases within noun phrases


def grammar(n: int, longest: int, seed: int) -> lab.Dataset:
    """Return n different sentences of at most `longest` words, to parse: tokens int [n, T], trees
    int [n, T - 1, 2], and the category of each node.

    "With a hat" belongs to the noun before, "with a hammer" to the verb, "of" to the noun, "in" to
    the verb. factors: length [n].
    """
    rng = np.random.default_rng(seed)
    texts: dict[str, None] = {}
    while len(texts) < n:
        sentence = _sentence(rng)
        if sentence.count(")") <= 2 * longest - 1:  # a bracket for each node
            texts[sentence] = None
    return parsed(list(texts))


def _sentence(rng: np.random.Generator) -> str:
    return f"(S {_noun_phrase(rng)} {_verb_phrase(rng)})"


def _noun_phrase(rng: np.random.Generator, depth: int = 1, nouns: tuple[str, ...] = NOUNS) -> str:
    noun = f"(N {_one(nouns, rng)})"
    while rng.random() < 0.25:
        noun = f"(NBAR (ADJ {_one(ADJECTIVES, rng)}) {noun})"
    phrase = f"(NP (DET {_one(DETERMINERS, rng)}) {noun})"
    if depth >= DEPTH or nouns is not NOUNS:
        return phrase
    drawn = rng.random()
    if drawn < 0.15:
        return f"(NP {phrase} {_behind('with', WORN, rng)})"
    if drawn < 0.3:
        return f"(NP {phrase} (PP (P of) {_noun_phrase(rng, depth + 1)}))"
    if drawn < 0.4:
        return f"(NP {phrase} (RC (REL who) {_core(rng, depth + 1)}))"
    return phrase


def _verb_phrase(rng: np.random.Generator) -> str:
    phrase = _core(rng, 1)
    drawn = rng.random()
    if drawn < 0.25:
        phrase = f"(VP {phrase} {_behind('with', TOOLS, rng)})"
    elif drawn < 0.4:
        phrase = f"(VP {phrase} {_behind('in', PLACES, rng)})"
    return f"(VP {phrase} (ADV {_one(ADVERBS, rng)}))" if rng.random() < 0.15 else phrase


def _core(rng: np.random.Generator, depth: int) -> str:
    if rng.random() < 0.25:
        return f"(VP {_one(INTRANSITIVE, rng)})"
    return f"(VP (V {_one(TRANSITIVE, rng)}) {_noun_phrase(rng, depth)})"


def _behind(word: str, nouns: tuple[str, ...], rng: np.random.Generator) -> str:
    return f"(PP (P {word}) {_noun_phrase(rng, nouns=nouns)})"


def _one(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[rng.integers(len(words))]
