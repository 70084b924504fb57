"""Windows, the repeated season and the linear model are what numpy and scikit-learn say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

import lab
from lab_rnn import autoregression
from lab_rnn.autoregression import RidgeAutoregression, seasonal_naive
from lab_rnn.windows import Windows


class Parts:
    """A series of steps 0, 1, ... in three parts."""

    request = SimpleNamespace(data_name="it")

    def __init__(self, series: np.ndarray, ends: tuple[int, int]) -> None:
        pieces = np.split(series, ends)
        self.parts = dict(
            zip(("train", "eval", "test"), map(torch.from_numpy, pieces), strict=True)
        )

    def part(self, name: str):
        steps = self.parts[name]

        class Part:
            inputs = steps

            def __len__(self) -> int:
                return len(steps)

        return Part()


def windows_of(series: np.ndarray, ends: tuple[int, int], **sizes: int) -> Windows:
    parts: Any = Parts(series, ends)
    return Windows(parts, **sizes)


def counted(**sizes: int) -> Windows:
    return windows_of(np.arange(20.0)[:, None], (12, 16), **sizes)


def test_windows_forecast_each_step_of_a_split_and_read_what_lies_before() -> None:
    windows = counted(context=3, horizon=2)
    for name, first, last in (("train", 3, 10), ("eval", 12, 14), ("test", 16, 18)):
        past, future = windows.take(windows.starts(name))
        starts = range(first, last + 1)
        assert past[..., 0].tolist() == [[s - 3, s - 2, s - 1] for s in starts]
        assert future[..., 0].tolist() == [[s, s + 1] for s in starts]


@pytest.mark.parametrize(("context", "horizon", "part"), [(3, 5, "eval"), (11, 2, "train")])
def test_a_split_too_short_for_a_window_is_named(context, horizon, part) -> None:
    with pytest.raises(lab.UsageError, match=f"it: {part} has .* steps, too few"):
        counted(context=context, horizon=horizon)


def test_the_season_is_repeated_as_often_as_it_takes() -> None:
    past = torch.tensor([[1.0, 2, 3, 4, 5]])[..., None]
    assert seasonal_naive(past, 7, 3)[0, :, 0].tolist() == [3, 4, 5, 3, 4, 5, 3]
    assert seasonal_naive(past, 2, 1)[0, :, 0].tolist() == [5, 5]


def test_the_linear_model_is_scikit_learns_ridge(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    series = rng.normal(size=(90, 2)).cumsum(0)
    windows = windows_of(series, (60, 75), context=4, horizon=3)
    model = RidgeAutoregression(windows, [1])
    past, future = windows.take(windows.starts("train"))
    std = series[:60].std(0, ddof=1)
    x = ((past - past[:, -1:]).numpy() / std).reshape(len(past), -1)
    x = np.concatenate([x, np.ones((len(x), 1))], 1)
    y = ((future - past[:, -1:]).numpy() / std)[..., 1]
    theirs = Ridge(alpha=autoregression.ALPHA, fit_intercept=False).fit(x, y)
    expected = past[:, -1:, 1].numpy() + theirs.predict(x) * std[1]
    np.testing.assert_allclose(model(past)[..., 0], expected, atol=1e-6)


def test_it_is_fitted_to_evenly_spaced_windows_where_there_are_many(monkeypatch) -> None:
    monkeypatch.setattr(autoregression, "MOST", 10)
    rng = np.random.default_rng(0)
    windows = windows_of(rng.normal(size=(90, 1)), (60, 75), context=4, horizon=3)
    taken: list[torch.Tensor] = []
    take = windows.take

    def watched(starts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        taken.append(starts)
        return take(starts)

    monkeypatch.setattr(windows, "take", watched)
    RidgeAutoregression(windows, [0])
    assert len(taken[0]) == 10
    assert (int(taken[0][0]), int(taken[0][-1])) == (4, 57)


def test_a_wave_is_continued_by_it() -> None:
    """Any sine is a linear function of its two steps before."""
    series = np.sin(np.arange(300.0))[:, None]
    windows = windows_of(series, (240, 270), context=12, horizon=5)
    past, future = windows.take(windows.starts("test"))
    model = RidgeAutoregression(windows, [0])
    assert float((model(past) - future).abs().max()) < 0.05
