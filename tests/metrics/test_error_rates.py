"""The edit distance is the fewest edits, and the rate that of all sequences together."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from lab.metrics import ErrorRate, edit_distance

words = st.text("abc", max_size=7)


def recursive(a: str, b: str) -> int:
    """The definition: the last item is deleted, inserted, or stands for the other's."""

    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1,
            distance(i, j - 1) + 1,
            distance(i - 1, j - 1) + (a[i - 1] != b[j - 1]),
        )

    return distance(len(a), len(b))


@settings(max_examples=300)
@given(words, words)
def test_it_is_the_recursions(a, b) -> None:
    assert edit_distance(a, b) == recursive(a, b)


@given(words, words, words)
def test_it_is_a_metric(a, b, c) -> None:
    assert edit_distance(a, b) == edit_distance(b, a)
    assert (edit_distance(a, b) == 0) == (a == b)
    assert edit_distance(a, c) <= edit_distance(a, b) + edit_distance(b, c)
    assert abs(len(a) - len(b)) <= edit_distance(a, b) <= max(len(a), len(b))


@pytest.mark.parametrize(
    ("a", "b", "edits"),
    [
        ("kitten", "sitting", 3),
        ("intention", "execution", 5),
        ("", "abc", 3),
        (["the", "cat", "sat"], ["the", "cat", "sat", "down"], 1),
        ([1, 2, 3], [4, 5, 6], 3),
        ("北京大学", "北京理工大学", 2),
    ],
)
def test_known_distances(a, b, edits) -> None:
    assert edit_distance(a, b) == edits


def test_the_rate_is_that_of_all_sequences_however_they_come() -> None:
    hypotheses = [["the", "cat", "sat"], ["a"], ["on", "mat"]]
    references = [["the", "cat", "sat"], ["b"], ["on", "the", "big", "mat"]]
    together, apart = ErrorRate("wer"), ErrorRate("wer")
    together.add(hypotheses, references)
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        apart.add([hypothesis], [reference])
    assert together.compute() == apart.compute() == {"wer": 3 / 8, "exact_match": 1 / 3}


def test_on_test_exact_match_has_wilsons_interval() -> None:
    meter = ErrorRate()
    meter.add(["ab", "cd", "e", "f"], ["ab", "cx", "e", "f"])
    figures = meter.compute("test")
    ends = binomtest(3, 4).proportion_ci(method="wilson")
    assert (figures["exact_match_low"], figures["exact_match_high"]) == pytest.approx(tuple(ends))
    assert figures["error_rate"] == pytest.approx(1 / 6)
    assert figures["n"] == 4


def test_insertions_can_make_more_errors_than_there_are_words() -> None:
    meter = ErrorRate()
    meter.add(["aaaa"], ["b"])
    assert meter.compute()["error_rate"] == 4


def test_mistakes_are_refused() -> None:
    meter = ErrorRate()
    with pytest.raises(ValueError, match="no reference holds anything"):
        meter.compute()
    meter.add(["a"], [""])
    with pytest.raises(ValueError, match="no reference holds anything"):
        meter.compute()
    with pytest.raises(ValueError):
        meter.add(["a", "b"], ["a"])
