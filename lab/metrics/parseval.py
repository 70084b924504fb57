"""Measure trees by their brackets: PARSEVAL (Black et al., 1991), summed up as EVALB does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence

from lab.statistics import bounds, wilson


class Brackets:
    """Precision, recall and F1 of the brackets of all trees together, and how many trees have no
    other brackets than they should (`exact_match`).

    A bracket is (start, end), or (start, end, label): labeled figures ask for the label too. Which
    nodes have brackets, the caller decides; EVALB leaves out those over a single word. They have no
    interval: brackets of one tree are no independent trials.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self._common, self._found, self._right, self._exact, self._trees = 0, 0, 0, 0, 0

    def add(self, found: Sequence[Sequence[Hashable]], right: Sequence[Sequence[Hashable]]) -> None:
        """Add the brackets of B trees, and what they should be. Raises ValueError where there are
        not as many of each."""
        for some, others in zip(found, right, strict=True):
            ours, theirs = Counter(some), Counter(others)
            self._common += (ours & theirs).total()
            self._found += ours.total()
            self._right += theirs.total()
            self._exact += ours == theirs
            self._trees += 1

    def compute(self, split: str = "eval") -> dict[str, float]:
        """Return `precision`, `recall`, `f1` and `exact_match` behind the prefix; on "test" with
        Wilson's interval of the last and n, the number of trees. Trees of one word have no bracket:
        all are right where there is none. Raises ValueError where nothing was added."""
        if not self._trees:
            raise ValueError("nothing was added: an empty set has no metrics")
        total, exact = self._found + self._right, self._exact / self._trees
        metrics = {
            "precision": self._common / self._found if self._found else 1.0,
            "recall": self._common / self._right if self._right else 1.0,
            "f1": 2 * self._common / total if total else 1.0,
            "exact_match": exact,
        }
        if split == "test":
            metrics |= bounds("exact_match", wilson(exact, self._trees))
        metrics = {f"{self.prefix}{name}": value for name, value in metrics.items()}
        return {**metrics, "n": self._trees} if split == "test" else metrics
