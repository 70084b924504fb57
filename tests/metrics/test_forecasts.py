"""Errors of forecasts are the definitions of Hyndman & Koehler (2006), series by series."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t

from lab.metrics import Forecasts, seasonal_scale


def series(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def loop(forecasts, targets, history, *, period: int) -> tuple[list[float], list[float]]:
    """MAE and MASE of each series, by loops over [B, H, F]."""
    mae, mase = [], []
    for forecast, target, past in zip(forecasts, targets, history, strict=True):
        errors, scaled = [], []
        for feature in range(past.shape[1]):
            steps = range(period, len(past))
            scale = np.mean([abs(past[s, feature] - past[s - period, feature]) for s in steps])
            each = np.abs(forecast[:, feature] - target[:, feature])
            errors.append(each.mean())
            scaled.append(np.mean(each / scale))
        mae.append(np.mean(errors))
        mase.append(np.mean(scaled))
    return mae, mase


@given(seed=st.integers(0, 1_000), period=st.integers(1, 4), features=st.integers(0, 2))
def test_figures_are_those_of_a_loop_over_series(seed, period, features) -> None:
    last = (features,) if features else ()
    forecasts, targets = series(seed, 7, 3, *last), series(seed + 1, 7, 3, *last)
    history, meter = series(seed + 2, 7, 9, *last), Forecasts(period)
    for part in (slice(0, 2), slice(2, 7)):
        meter.add(forecasts[part], targets[part], history[part])
    arrays = [x.double().reshape(*x.shape[:2], -1).numpy() for x in (forecasts, targets, history)]
    figures = meter.compute("test")
    for name, values in zip(("mae", "mase"), loop(*arrays, period=period), strict=True):
        assert figures[name] == pytest.approx(np.mean(values), rel=1e-5)
        ends = t.interval(0.95, 6, np.mean(values), np.std(values, ddof=1) / 7**0.5)
        assert (figures[f"{name}_low"], figures[f"{name}_high"]) == pytest.approx(ends, rel=1e-4)
    assert figures["n"] == 7


def test_the_seasonal_naive_forecast_of_a_regular_rise_has_mase_1() -> None:
    """Each step of the past is missed by the same, and each of the future too."""
    steps = torch.arange(20.0)
    rise = 3 * torch.tensor([0.0, 5, 2, 7]).repeat(5) + 2 * (steps // 4)
    past, future = rise[None, :16], rise[None, 16:]
    for period, forecast in ((4, past[:, -4:]), (1, past[:, -1:].expand(1, 4))):
        meter = Forecasts(period)
        meter.add(forecast, future, past)
        assert meter.compute()["mae"] == pytest.approx(float((forecast - future).abs().mean()))
    meter = Forecasts(4)
    meter.add(past[:, -4:], future, past)
    assert meter.compute()["mase"] == pytest.approx(1)


def test_mase_has_no_unit() -> None:
    forecasts, targets, history = series(0, 3, 4), series(1, 3, 4), series(2, 3, 8)
    scale = torch.tensor([[1.0], [1000], [0.001]])
    plain, scaled = Forecasts(), Forecasts()
    plain.add(forecasts, targets, history)
    scaled.add(forecasts * scale + 5, targets * scale + 5, history * scale + 5)
    assert scaled.compute()["mase"] == pytest.approx(plain.compute()["mase"], rel=1e-3)


def test_a_history_without_an_error_is_refused_by_its_series() -> None:
    history = torch.tensor([[1.0, 2, 1, 2], [1, 2, 1, 3]])
    assert seasonal_scale(history, 1).tolist() == pytest.approx([1, 4 / 3])
    with pytest.raises(ValueError, match="series 0 of the batch repeats itself"):
        seasonal_scale(history, 2)
    with pytest.raises(ValueError, match="4 steps is not longer than 4"):
        seasonal_scale(history, 4)


def test_mistakes_are_refused() -> None:
    meter = Forecasts()
    with pytest.raises(ValueError, match="nothing was added"):
        meter.compute()
    with pytest.raises(ValueError, match="forecasts"):
        meter.add(torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(2, 5))
    with pytest.raises(ValueError, match="history"):
        meter.add(torch.zeros(2, 3, 1), torch.zeros(2, 3, 1), torch.zeros(2, 5))
    with pytest.raises(ValueError, match="period"):
        Forecasts(0)
