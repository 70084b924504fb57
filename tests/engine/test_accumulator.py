"""The window reports the mean of what was logged since the last one."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lab.engine.accumulator import MetricAccumulator
from lab.errors import LabError

finite = st.floats(-1e6, 1e6)
entries = st.lists(st.tuples(st.sampled_from("abc"), finite, st.booleans()), max_size=40)


def fill(window: MetricAccumulator, logged) -> None:
    for name, value, as_tensor in logged:
        window.add(name, torch.tensor(value, dtype=torch.float64) if as_tensor else value)


@given(entries)
def test_means_are_the_means_and_absent_names_leave_no_key(logged) -> None:
    window = MetricAccumulator()
    fill(window, logged)
    by_name = {n: [v for m, v, _ in logged if m == n] for n in {m for m, _, _ in logged}}
    means = window.means()
    assert set(means) == set(by_name)
    for name, values in by_name.items():
        assert means[name] == pytest.approx(statistics.fmean(values), rel=1e-9, abs=1e-6)


@given(entries, entries)
def test_a_restored_window_goes_on_to_the_same_bits(before, after) -> None:
    uninterrupted, first, second = MetricAccumulator(), MetricAccumulator(), MetricAccumulator()
    fill(uninterrupted, before)
    fill(first, before)
    second.load_state_dict(first.state_dict())
    fill(uninterrupted, after)
    fill(second, after)
    assert second.means() == uninterrupted.means()


@given(entries, entries)
def test_clearing_forgets_everything(before, after) -> None:
    used, fresh = MetricAccumulator(), MetricAccumulator()
    fill(used, before)
    used.clear()
    fill(used, after)
    fill(fresh, after)
    assert used.means() == fresh.means()


def test_a_logged_loss_holds_no_graph() -> None:
    window = MetricAccumulator()
    weight = torch.ones(1, requires_grad=True)
    window.add("loss", (weight * 2).sum())
    with torch.no_grad():
        weight += 1
    assert window.means() == {"loss": 2.0}


def test_lanes_are_averaged_apart() -> None:
    window = MetricAccumulator()
    for value in (torch.tensor([1.0, 10.0]), torch.tensor([3, 30]), 2.0):
        window.add("loss", value)
    restored = MetricAccumulator()
    restored.load_state_dict(window.state_dict())
    for accumulator in (window, restored):
        mean = accumulator.means()["loss"]
        assert isinstance(mean, torch.Tensor)
        assert mean.tolist() == [2.0, 14.0]


@pytest.mark.parametrize("value", [None, "0.5", [1.0], np.zeros(2), torch.zeros(1, 1)])
def test_what_is_no_single_number_is_refused_by_name(value) -> None:
    with pytest.raises(LabError, match=r"ctx.log\('loss', ...\) takes one number"):
        MetricAccumulator().add("loss", value)


def test_lanes_of_another_number_are_refused_by_name() -> None:
    window = MetricAccumulator()
    window.add("loss", torch.zeros(2))
    with pytest.raises(LabError, match=r"ctx.log\('loss', ...\) takes one number"):
        window.add("loss", torch.zeros(3))
