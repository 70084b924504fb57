"""Measure answers that are spans of a text, as SQuAD does (Rajpurkar et al., 2016, section 6.1)."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

from lab.statistics import bounds, student, wilson

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


class Answers:
    """Exact match and F1 over words, each the best over the answers that a question may have."""

    def __init__(self) -> None:
        self._exact: list[float] = []
        self._f1: list[float] = []

    def add(self, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        """Add B answers, and of each question the right ones; none where it has no answer, which ""
        then says (Rajpurkar et al., 2018). Raises ValueError where one is a text, not a list."""
        for prediction, right in zip(predictions, references, strict=True):
            if isinstance(right, str):
                raise ValueError("each question has a list of right answers")
            known = [answer for answer in right if normalized(answer)] or [""]
            self._exact.append(max(exact_match(prediction, answer) for answer in known))
            self._f1.append(max(word_f1(prediction, answer) for answer in known))

    def compute(self, split: str = "eval") -> dict[str, float]:
        """Return `exact_match` and `f1`, from 0 to 1; on "test" with their intervals and n, the
        number of questions. Raises ValueError where nothing was added."""
        if not self._exact:
            raise ValueError("nothing was added: an empty set has no metrics")
        exact, f1, n = float(np.mean(self._exact)), float(np.mean(self._f1)), len(self._f1)
        metrics = {"exact_match": exact, "f1": f1}
        if split == "test":
            spread = float(np.std(self._f1, ddof=1)) if n > 1 else 0.0
            metrics |= bounds("exact_match", wilson(exact, n)) | bounds(
                "f1", student(f1, spread, n)
            )
            metrics["n"] = n
        return metrics


def normalized(answer: str) -> list[str]:
    """Return the words of an answer without case, punctuation and articles."""
    return _ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split()


def exact_match(prediction: str, answer: str) -> float:
    """Return 1 where the words are the same, else 0."""
    return float(normalized(prediction) == normalized(answer))


def word_f1(prediction: str, answer: str) -> float:
    """Return the harmonic mean of precision and recall of words, each as often as it comes; with
    no words on a side, whether there are none on the other."""
    said, right = normalized(prediction), normalized(answer)
    if not said or not right:
        return float(said == right)
    return 2 * (Counter(said) & Counter(right)).total() / (len(said) + len(right))
