"""Set the best group of a table beside the others: how likely it is better, and whether that is
more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from lab.comparison.groups import Group
from lab.comparison.statistics import has_spread, holm, improvement, paired_test, welch_test

LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """The best group and another one.

    probability: that a run of the best beats one of the other, ties counted half. p_value: of the
    test, corrected by Holm for all pairs of groups, as the best one is best after the fact.
    shown: whether that is below 0.05.
    """

    better: str
    than: str
    probability: float
    test: str
    p_value: float
    shown: bool


def differences(groups: Sequence[Group], direction: str) -> list[Difference]:
    """Return how the first of sorted groups stands to each other one, where runs can show it."""
    pairs = list(combinations(range(len(groups)), 2))
    tests = [_test(groups[i], groups[j]) for i, j in pairs]
    corrected = holm([test and test[1] for test in tests])
    found = []
    for (i, j), test, p_value in zip(pairs, tests, corrected, strict=True):
        if i == 0 and test is not None and p_value is not None:
            chance = improvement(groups[0].values, groups[j].values)
            chance = chance if direction == "max" else 1 - chance
            names = groups[0].name, groups[j].name
            found.append(Difference(*names, chance, test[0], p_value, p_value < LEVEL))
    return found


def _test(a: Group, b: Group) -> tuple[str, float] | None:
    """Return the name of the test of two groups and its p-value: paired where both have the same
    seeds, once each. None where nothing can be said."""
    if not (has_spread(a.values) or has_spread(b.values)):
        return None
    first, second = (dict(zip(g.seeds, g.values, strict=True)) for g in (a, b))
    if first.keys() == second.keys() and len(first) == a.n == b.n:
        p_value = paired_test([first[seed] - second[seed] for seed in first])
        return None if p_value is None else ("paired t-test", p_value)
    p_value = welch_test(a.values, b.values)
    return None if p_value is None else ("Welch's t-test", p_value)
