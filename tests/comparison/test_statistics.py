"""The statistics are those of scipy, and of cases that one can do by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lab.statistics import improvement, improvement_interval, interval, intervals, iqm

finite = st.floats(-1e6, 1e6, allow_nan=False)
values = st.lists(finite, min_size=1, max_size=12)


def test_the_interquartile_mean_cuts_a_quarter_at_each_end() -> None:
    assert iqm(np.array([100.0, 1, 2, 3, 4, 5, 6, -100])) == pytest.approx((2 + 3 + 4 + 5) / 4)
    assert iqm(np.array([1.0, 2.0, 9.0])) == pytest.approx(4.0)  # too few to cut


@given(values)
def test_it_is_a_mean_of_the_middle(sample) -> None:
    assert min(sample) - 1e-6 <= iqm(np.array(sample)) <= max(sample) + 1e-6


@given(values, values)
def test_the_probability_of_improvement_is_mann_and_whitneys(a, b) -> None:
    u = stats.mannwhitneyu(a, b).statistic
    assert improvement(a, b) == pytest.approx(u / (len(a) * len(b)))
    assert improvement(a, b) + improvement(b, a) == pytest.approx(1.0)


def test_the_interval_is_that_of_scipys_percentile_bootstrap() -> None:
    sample = np.random.default_rng(3).normal(10, 2, 30)
    theirs = stats.bootstrap(
        (sample,), lambda x, axis: stats.trim_mean(x, 0.25, axis=axis), method="percentile",
        n_resamples=20_000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert interval([sample.tolist()], draws=20_000) == pytest.approx(tuple(theirs), abs=0.03)


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Of 200 samples of 20 normal values, a 95 % interval of the mean should hold some 185 (a
    percentile bootstrap of 20 is a little narrow)."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(200):
        ends = interval([rng.normal(0, 1, 20).tolist()], lambda x: x.mean(axis=-1), draws=500)
        assert ends is not None
        low, high = ends
        held += low <= 0 <= high
    assert 176 <= held <= 198


def test_strata_are_drawn_each_by_itself() -> None:
    """Two tasks with no spread of their own have none together; mixed up they would."""
    mean = lambda x: x.mean(axis=-1)  # noqa: E731
    assert interval([[1.0] * 5, [9.0] * 5], mean) == (5.0, 5.0)
    ends = interval([[1.0] * 5 + [9.0] * 5], mean)
    assert ends is not None
    low, high = ends
    assert low < 4 < 6 < high


def test_one_value_has_no_interval_and_equal_values_have_no_spread() -> None:
    for strata in ([], [[3.0]], [[3.0, 4.0], [5.0]]):
        assert interval(strata) is None
    assert interval([[3.0, 3.0]]) == (3.0, 3.0)
    assert improvement_interval([2.0, 2.0], [1.0, 1.0]) == (1.0, 1.0)
    assert improvement_interval([1.0, 1.0], [1.0, 1.0]) == (0.5, 0.5)
    for a, b in (([1.0], [1.0, 2.0]), ([1.0, 2.0], [1.0]), ([1.0], [2.0])):
        assert improvement_interval(a, b) is None
    assert intervals(np.ones((4, 1))) is None


def test_the_interval_of_two_values_are_the_two() -> None:
    """A quarter of the draws is twice the one, another the other."""
    assert interval([[3.0, 8.0]]) == (3.0, 8.0)


def test_rows_of_a_curve_have_the_interval_of_their_iqm() -> None:
    table = np.random.default_rng(0).normal(0, 1, (3, 15)) + np.array([[0.0], [5.0], [50.0]])
    lines = intervals(table, draws=5_000)
    assert lines is not None
    low, high = lines
    for row, ends in zip(table.tolist(), zip(low, high, strict=True), strict=True):
        assert ends == pytest.approx(interval([row], draws=5_000), abs=0.1)
    assert (low <= iqm(table)).all()
    assert (iqm(table) <= high).all()


def test_the_same_values_give_the_same_interval() -> None:
    sample = [1.0, 4.0, 2.0, 8.0]
    assert interval([sample]) == interval([sample])
