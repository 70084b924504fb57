"""Answers are measured as SQuAD's evaluation script does."""

from __future__ import annotations

import pytest
from scipy.stats import binomtest, t

from lab.metrics import Answers


def measured(prediction: str, *answers: str) -> tuple[float, float]:
    meter = Answers()
    meter.add([prediction], [answers])
    figures = meter.compute()
    return figures["exact_match"], figures["f1"]


@pytest.mark.parametrize(
    ("prediction", "answers", "exact", "f1"),
    [
        ("Denver Broncos", ["Denver Broncos"], 1, 1),
        ("the  DENVER broncos!", ["Denver Broncos"], 1, 1),
        ("Broncos", ["Denver Broncos"], 0, 2 / 3),  # precision 1, recall 1/2
        ("Denver Broncos of 1990", ["Denver Broncos"], 0, 2 * 0.5 / 1.5),
        ("Chicago", ["Denver Broncos"], 0, 0),
        ("Santa Clara", ["Levi's Stadium", "Santa Clara, California", "Santa Clara"], 1, 1),
        ("in Santa Clara", ["Levi's Stadium", "Santa Clara, California"], 0, 2 / 3),
        ("to be to be", ["to be"], 0, 2 * 0.5 / 1.5),  # words count as often as they come
        ("levis stadium", ["Levi's Stadium"], 1, 1),  # punctuation joins
        ("theater", ["a theater"], 1, 1),
        ("heater", ["a theater"], 0, 0),  # an article is a whole word
        ("rock– –boat", ["rock–the–boat"], 1, 1),  # and leaves a space
        ("", [], 1, 1),  # no answer, and said so
        ("Denver", [], 0, 0),
        ("", ["Denver"], 0, 0),
        ("the", [""], 1, 1),
        ("Denver", ["", "Denver"], 1, 1),
    ],
)
def test_the_figures_of_one_answer(prediction, answers, exact, f1) -> None:
    assert measured(prediction, *answers) == pytest.approx((exact, f1))


def test_figures_are_means_over_questions_with_intervals_on_test() -> None:
    meter = Answers()
    meter.add(["Broncos", "x"], [["Denver Broncos"], ["y"]])
    meter.add(["y"], [["y"]])
    figures = meter.compute("test")
    assert (figures["exact_match"], figures["f1"]) == pytest.approx((1 / 3, 5 / 9))
    ends = binomtest(1, 3).proportion_ci(method="wilson")
    assert (figures["exact_match_low"], figures["exact_match_high"]) == pytest.approx(tuple(ends))
    values = [2 / 3, 0, 1]
    spread = (sum((value - 5 / 9) ** 2 for value in values) / 2) ** 0.5
    assert (figures["f1_low"], figures["f1_high"]) == pytest.approx(
        t.interval(0.95, 2, 5 / 9, spread / 3**0.5)
    )
    assert figures["n"] == 3


def test_mistakes_are_refused() -> None:
    meter = Answers()
    with pytest.raises(ValueError, match="nothing was added"):
        meter.compute()
    with pytest.raises(ValueError, match="a list of right answers"):
        meter.add(["a"], ["answer"])
    with pytest.raises(ValueError):
        meter.add(["a", "b"], [["a"]])
