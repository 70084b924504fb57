"""The statistics are those of scipy, and of cases that one can do by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lab.comparison.statistics import (
    holm,
    improvement,
    iqm,
    paired_test,
    summarize,
    welch_test,
)
from lab.statistics import student

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


samples = st.lists(st.floats(-100, 100, allow_nan=False), min_size=2, max_size=12)


@given(samples)
def test_it_is_the_mean_and_students_interval(sample) -> None:
    center, ends = summarize(sample)
    assert center == pytest.approx(np.mean(sample))
    if np.ptp(sample) < 1e-6:
        return
    n = len(sample)
    theirs = stats.t.interval(0.95, n - 1, loc=np.mean(sample), scale=stats.sem(sample))
    assert ends == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_interval_covers_as_often_as_it_says(n) -> None:
    """Of 2,000 samples of normal values 1,900 should hold the truth: within four deviations."""
    rng = np.random.default_rng(n)
    held = sum(
        ends is not None and ends[0] <= 0 <= ends[1]
        for _, ends in (summarize(rng.normal(0, 1, n).tolist()) for _ in range(2_000))
    )
    assert abs(held - 1_900) < 4 * (2_000 * 0.95 * 0.05) ** 0.5


def test_one_value_or_equal_ones_have_no_interval_and_no_test() -> None:
    for values in ([3.0], [3.0, 3.0]):
        assert summarize(values) == (3.0, None)
    assert welch_test([2.0, 2.0], [1.0, 1.0]) is None
    assert welch_test([1.0], [1.0, 2.0]) is None
    assert paired_test([1.0]) is None
    assert paired_test([0.1 * 3 - 0.3 + 1, 1.0]) is None  # equal, but for rounding


@given(samples, samples)
def test_the_tests_are_students_and_welchs(a, b) -> None:
    if np.ptp(a) < 1e-3 or np.ptp(b) < 1e-3:
        return
    theirs = stats.ttest_ind(a, b, equal_var=False).pvalue
    assert welch_test(a, b) == pytest.approx(theirs, rel=1e-6, abs=1e-12)
    assert paired_test(a) == pytest.approx(stats.ttest_1samp(a, 0).pvalue, rel=1e-6, abs=1e-12)


def test_holms_correction_is_that_of_his_paper() -> None:
    """Holm (1979): the smallest of m times m, the next times m - 1, never below one before."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, None, 0.9]) == [1.0, None, 1.0]
    assert holm([]) == []


def test_many_means_have_their_intervals_at_once() -> None:
    table = np.random.default_rng(0).normal(0, 1, (3, 15)) + np.array([[0.0], [5.0], [50.0]])
    lines = student(table.mean(1), table.std(1, ddof=1), 15)
    assert lines is not None
    for row, ends in zip(table.tolist(), zip(*lines, strict=True), strict=True):
        assert ends == pytest.approx(summarize(row)[1])
