"""Curves lie over each other where runs share an axis, and are left alone where they do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from lab.comparison.curves import Curve, band, read, thin
from lab.storage.store import Run


def curve(clock, value, seconds=None) -> Curve:
    clock, value = np.array(clock, float), np.array(value, float)
    seconds = clock / 10 if seconds is None else np.array(seconds, float)
    return Curve(clock, seconds, seconds + 1.7e9, value)


def test_a_metric_is_read_with_all_its_axes(write) -> None:
    write("a", 1.0, curve=(0.0, 3.0, 5.0))
    curves = read(Run(Path("runs/a")))
    assert list(curves) == ["eval/return", "train/loss"]
    assert curves["eval/return"].clock.tolist() == [0, 100, 200]
    assert curves["eval/return"].seconds.tolist() == [0, 5, 10]
    assert curves["eval/return"].time.tolist() == [1.7e9, 1.7e9 + 5, 1.7e9 + 10]
    assert curves["eval/return"].value.tolist() == [0, 3, 5]
    assert curves["train/loss"].clock.tolist() == [50]


def test_a_torn_last_line_ends_the_curve(write) -> None:
    folder = write("a", 1.0)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"clock": 300, "eval/ret')
    assert len(read(Run(folder))["eval/return"].value) == 3


def test_by_clock_only_what_all_runs_have_is_averaged() -> None:
    averaged = band([curve([0, 10, 20], [0, 2, 4]), curve([0, 20, 30], [2, 8, 9])])
    assert averaged is not None
    assert averaged.x.tolist() == [0, 20]
    assert averaged.mean.tolist() == [1, 6]
    assert averaged.low is not None
    assert averaged.high is not None
    for at, pair in enumerate(((0, 2), (4, 8))):  # Student's interval of two values
        ends = stats.t.interval(0.95, 1, loc=np.mean(pair), scale=stats.sem(pair))
        assert (averaged.low[at], averaged.high[at]) == pytest.approx(ends)


def test_by_seconds_runs_are_interpolated_over_the_time_that_all_trained() -> None:
    slow, fast = curve([0, 10], [0, 1], [0, 10]), curve([0, 10], [0, 1], [0, 5])
    averaged = band([slow, fast], "seconds", points=2)
    assert averaged is not None
    assert averaged.x.tolist() == [0, 5]
    assert averaged.mean.tolist() == [0, pytest.approx(0.75)]


@pytest.mark.parametrize("axis", ["clock", "seconds"])
def test_runs_that_share_no_point_make_no_band(axis) -> None:
    assert band([curve([0, 10], [1, 1]), curve([15, 25], [1, 1])], axis) is None


@pytest.mark.parametrize("axis", ["clock", "seconds"])
def test_one_run_is_a_line_without_a_band(axis) -> None:
    averaged = band([curve([0, 10], [3, 4])], axis)
    assert averaged is not None
    assert averaged.mean.tolist() == [3, 4]
    assert averaged.low is averaged.high is None
    assert [(p["mean"], p["low"], p["high"]) for p in averaged.points()] == [
        (3, None, None), (4, None, None),
    ]  # fmt: skip


def test_thinning_keeps_both_ends() -> None:
    assert thin(1_000, 3).tolist() == [0, 500, 999]
    assert thin(2, 300).tolist() == [0, 1]
    assert thin(0, 300).tolist() == []
