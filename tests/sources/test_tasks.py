"""Sequences to be added, recalled, turned around and forecast are what their papers say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lab.data.splits import split
from lab.data.tokens import sentence
from lab.errors import UsageError

# -- adding


def test_the_sum_is_of_the_two_marked_values(ask) -> None:
    dataset = ask("adding", n=500, steps=31)
    assert (dataset.kind, dataset.task, dataset.shape) == ("sequence", "regress", (31, 2))
    values, marks = dataset.inputs[:, :, 0], dataset.inputs[:, :, 1]
    assert set(np.unique(marks)) == {0, 1}
    assert (marks[:, :15].sum(1) == 1).all()
    assert (marks[:, 15:].sum(1) == 1).all()
    np.testing.assert_allclose((values * marks).sum(1), dataset.targets[:, 0], rtol=1e-6)
    np.testing.assert_array_equal(np.nonzero(marks)[1].reshape(-1, 2), dataset.factors["places"])


def test_to_say_the_mean_errs_by_a_sixth(ask) -> None:
    sums = ask("adding", n=20_000, steps=10).targets
    assert sums.mean() == pytest.approx(1, abs=0.012)  # four standard errors
    assert sums.var() == pytest.approx(1 / 6, rel=0.04)


# -- copy-memory


def test_symbols_are_due_after_the_pause(ask) -> None:
    dataset = ask("copy-memory", n=300, length=5, blanks=12)
    assert (dataset.kind, dataset.task, dataset.shape) == ("tokens", "classify", (22,))
    for tokens, due in zip(dataset.inputs, dataset.targets, strict=True):
        words = "".join(sentence(tokens, dataset.vocabulary))
        answer = "".join(dataset.classes[number] for number in due)
        symbols = words[:5]
        assert set(symbols) <= set("abcdefgh")
        assert words[5:] == "-" * 11 + "?" + "-" * 5
        assert answer == "-" * 17 + symbols


def test_what_remembers_nothing_does_no_better_than_the_closed_form(ask) -> None:
    """The best prediction without memory: blanks for sure, then each symbol by an eighth."""
    dataset = ask("copy-memory", n=10_000, length=10, blanks=30)
    due = dataset.targets
    assert (due[:, :40] == 0).all()
    entropy = 0.0
    for step in range(40, 50):
        share = np.bincount(due[:, step], minlength=9)[1:] / len(due)
        entropy -= (share * np.log(share)).sum()
    assert entropy / 50 == pytest.approx(10 * np.log(8) / 50, rel=1e-3)


# -- reverse


@pytest.mark.parametrize(("order", "step"), [("reverse", -1), ("copy", 1)])
def test_letters_come_in_the_order_that_is_asked_for(ask, order, step) -> None:
    dataset = ask("reverse", n=600, shortest=2, longest=7, symbols=4, order=order)
    assert (dataset.kind, dataset.task, dataset.targets.shape) == ("tokens", "translate", (600, 8))
    lengths = []
    for tokens, target in zip(dataset.inputs, dataset.targets, strict=True):
        letters = sentence(tokens, dataset.vocabulary)
        assert sentence(target, dataset.target_vocabulary) == letters[::step]
        lengths.append(len(letters))
    assert set(lengths) == set(range(2, 8))
    assert lengths == dataset.factors["length"].tolist()
    assert dataset.vocabulary == ("", "a", "b", "c", "d")


def test_no_string_is_longer_than_the_longest(ask) -> None:
    with pytest.raises(UsageError, match="reverse: shortest=9 is more than longest=4"):
        ask("reverse", shortest=9, longest=4)


# -- regimes


def test_without_noise_a_series_is_its_trend_and_season(ask) -> None:
    dataset = ask("regimes", n=3_000, noise=0)
    assert (dataset.kind, dataset.task, dataset.features) == ("series", "forecast", ("value",))
    parts = dataset.factors["trend"] + dataset.factors["season"]
    np.testing.assert_allclose(dataset.inputs[:, 0], parts, atol=1e-5)
    assert dataset.factors["trend"][0] == dataset.factors["season"][0] == 0


def test_each_regime_has_a_slope_and_a_period_of_its_own(ask) -> None:
    dataset = ask("regimes", n=20_000, duration=1_000)
    regime, trend, season = (dataset.factors[n] for n in ("regime", "trend", "season"))
    expected = {0: (0.01, 12, 1.0), 1: (-0.01, 24, 2.0), 2: (0.0, 16, 0.5)}
    assert set(regime) == set(expected)
    edges = [0, *(np.flatnonzero(np.diff(regime)) + 1), len(regime)]
    for begin, end in pairwise(edges):
        slope, period, amplitude = expected[int(regime[begin])]
        np.testing.assert_allclose(np.diff(trend[begin:end]), slope, atol=1e-9)
        if end - begin > 2 * period:
            later = season[begin + period : end]
            np.testing.assert_allclose(later, season[begin : end - period], atol=1e-9)
            assert np.abs(season[begin:end]).max() == pytest.approx(amplitude, rel=0.05)


def test_regimes_change_as_often_as_asked_and_noise_is_as_asked(ask) -> None:
    still, noisy = (ask("regimes", n=40_000, duration=50, noise=noise) for noise in (0, 0.3))
    changes = (np.diff(still.factors["regime"]) != 0).sum()
    assert changes == pytest.approx(800, abs=4 * np.sqrt(800))
    noise = noisy.inputs - still.inputs
    assert noise.std() == pytest.approx(0.3, rel=0.02)
    assert [len(rows) for rows in split(noisy, "regimes").values()] == [32_000, 4_000, 4_000]
