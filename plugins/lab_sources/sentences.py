"""Speak a small part of English, whose words agree in number over a distance."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, product

import numpy as np

import lab
from lab_sources import token_rows
from lab_sources.drawn import drawn

NUMBERS = ("singular", "plural")  # what the next four are listed by
DETERMINERS = (("a", "the"), ("some", "the"))
NOUNS = (("dog", "cat", "child", "mouse"), ("dogs", "cats", "children", "mice"))
INTRANSITIVE = (("sleeps", "runs"), ("sleep", "run"))
TRANSITIVE = (("sees", "likes", "hears"), ("see", "like", "hear"))
ADJECTIVES = ("small", "big", "young")
ADVERBS = ("again", "today")
STEPS = 8  # seven words, and the end

Sentence = tuple[str, ...]


def sentences(n: int, seed: int) -> lab.Dataset:
    """Return tokens [n, 8] of different sentences, in random order; class: the subject's number.

    Determiner, noun and verb of the subject agree, across its adjective if it has one; so do those
    of the object. n = 0 asks for the whole language. factors: length [n] in words; object [n], 0
    without one, 1 for a singular, 2 for a plural; adjective [n], whether there is one.
    Raises UsageError where the language has no n sentences.
    """
    everything, words = list(language()), vocabulary()
    some = drawn(everything, n or len(everything), seed, "sentences")
    tokens = token_rows.rows([sentence for sentence, _, _ in some], words, steps=STEPS)
    factors = {
        "length": np.array([len(sentence) for sentence, _, _ in some]),
        "object": np.array([info for _, _, info in some]),
        "adjective": np.array([bool(set(sentence) & set(ADJECTIVES)) for sentence, _, _ in some]),
    }
    subjects = np.array([subject for _, subject, _ in some])
    return lab.Dataset(tokens, subjects, NUMBERS, factors=factors, vocabulary=words)


def vocabulary() -> Sentence:
    """Return all words, each once; the first one is the end."""
    listed = chain(*DETERMINERS, ADJECTIVES, *NOUNS, *INTRANSITIVE, *TRANSITIVE, ADVERBS)
    return ("", *dict.fromkeys(listed))


def language() -> Iterator[tuple[Sentence, int, int]]:
    """Yield every sentence, the number of its subject, and 1 + that of its object, 0 without."""
    for subject in range(len(NUMBERS)):
        begins = product(DETERMINERS[subject], ("", *ADJECTIVES), NOUNS[subject])
        for begin, (predicate, info), adverb in product(
            begins, list(_predicates(subject)), ("", *ADVERBS)
        ):
            yield tuple(word for word in (*begin, *predicate, adverb) if word), subject, info


def _predicates(subject: int) -> Iterator[tuple[Sentence, int]]:
    for verb in INTRANSITIVE[subject]:
        yield (verb,), 0
    for number in range(len(NUMBERS)):
        for words in product(TRANSITIVE[subject], DETERMINERS[number], NOUNS[number]):
            yield words, 1 + number


def is_sentence(words: Sequence[str]) -> bool:
    """Tell whether words are a sentence of the language. They are not looked up among all
    sentences: a regular expression over the sorts of words decides."""
    return bool(_ORDER.fullmatch("".join(_SORTS.get(word, "?") for word in words)))


# the sorts: Determiners, Nouns, Intransitive and Transitive verbs, of a singular (1), a plural (2)
# or either (0); adJectives and Adverbs
_SORTS = {
    **{word: f"N{i}" for i in (1, 2) for word in NOUNS[i - 1]},
    **{word: f"I{i}" for i in (1, 2) for word in INTRANSITIVE[i - 1]},
    **{word: f"T{i}" for i in (1, 2) for word in TRANSITIVE[i - 1]},
    **{"a": "D1", "some": "D2", "the": "D0"},
    **dict.fromkeys(ADJECTIVES, "J"),
    **dict.fromkeys(ADVERBS, "A"),
}
_OBJECT = "(D[01]N1|D[02]N2)"
_ORDER = re.compile(rf"(D[01]J?N1(I1|T1{_OBJECT})|D[02]J?N2(I2|T2{_OBJECT}))A?")
