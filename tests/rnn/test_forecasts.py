"""Forecasts of series: their errors, beside the others', in the unit of the series."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from rnn.made import wave

import lab

OPTIONS: dict[str, Any] = {"context": 12, "horizon": 3, "period": 8}


@pytest.fixture(scope="module")
def wave_run(tmp_path_factory):
    """A run that forecasts a wave on a rise, and its data."""
    folder = tmp_path_factory.mktemp("wave")
    data = wave()
    result = lab.run(
        "rnn", data=data, preset="none", cell="gru", hidden_size=16, batch_size=32, lr=1e-2,
        budget=8_000, eval_every=8_000, schedule="one-cycle", wandb="disabled",
        runs_dir=folder / "runs", name="wave", **OPTIONS,
    )  # fmt: skip
    return result, data


def test_a_wave_is_forecast_better_than_by_its_last_season(wave_run) -> None:
    result, _ = wave_run
    test = result.summary["test"]
    assert test["test/mase"] < 0.9 * test["test/mase_seasonal"]
    assert any(path.name.endswith("-forecasts.png") for path in (result.dir / "media").iterdir())


def test_errors_are_scaled_by_the_season_of_train(wave_run) -> None:
    """By hand: each window of the test split, each of the two columns."""
    result, data = wave_run
    loaded = lab.load(result.dir, data=data)
    series, train = data.inputs, data.inputs[:320]
    scale = np.abs(train[8:] - train[:-8]).mean(0)
    starts = range(360, 400 - 3 + 1)
    past = np.stack([series[s - 12 : s] for s in starts])
    future = np.stack([series[s : s + 3] for s in starts])
    contestants = {
        "mase": loaded.predict(past),
        "mase_seasonal": past[:, 4:7],  # 8 steps before each of the three
        "mase_linear": loaded.task.linear(torch.from_numpy(past)).numpy(),
    }
    test = result.summary["test"]
    for name, forecast in contestants.items():
        expected = (np.abs(forecast - future) / scale).mean()
        assert test[f"test/{name}"] == pytest.approx(expected, rel=1e-3)
    assert test["test/mae"] == pytest.approx(np.abs(contestants["mase"] - future).mean(), rel=1e-3)
    assert test["test/n"] == len(past)


def test_the_end_of_a_file_is_continued(wave_run, cli, tmp_path) -> None:
    result, data = wave_run
    lines = ["two,one", *(f"{two!r},{one!r}" for one, two in data.inputs[:100].tolist())]
    (tmp_path / "until.csv").write_text("\n".join(lines))
    done = cli("predict", result.dir, tmp_path / "until.csv", "--json")
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)
    assert list(row["values"]) == [f"{name} +{n}" for n in (1, 2, 3) for name in ("one", "two")]
    expected = lab.load(result.dir, data=data).predict(data.inputs[None, 88:100])
    np.testing.assert_allclose(list(row["values"].values()), expected.ravel(), rtol=1e-4)
    truth = data.inputs[100:103]
    assert np.abs(np.reshape(list(row["values"].values()), (3, 2)) - truth).max() < 0.6


def test_exported_it_forecasts_the_same(wave_run, cli, tmp_path) -> None:
    result, data = wave_run
    done = cli("export", result.dir, "--to", "torchexport", "--out", tmp_path / "net.pt2")
    assert done.exit_code == 0, done.output
    past = lab.load(result.dir, data=data).example(4)
    program = torch.export.load(tmp_path / "net.pt2").module()
    expected = torch.from_numpy(lab.load(result.dir, data=data).predict(past))
    assert torch.allclose(program(past.float()).double(), expected.double(), atol=1e-4)


def test_a_large_level_keeps_its_digits(train) -> None:
    """Of 1.7e9 and small waves float32 would leave nothing."""
    wave = np.sin(2 * np.pi * np.arange(200.0) / 8) + 0.01 * np.arange(200.0)
    series = lab.Dataset(1.7e9 + wave[:, None], stream=True)
    result = train(series, lr=1e-2, budget=2_000, eval_every=2_000, **OPTIONS)
    assert result.summary["test"]["test/mae"] < 0.5


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "too short": ({"context": 300, "period": 8}, "train has 320 steps, too few to forecast"),
    "a season of noise": ({"period": 24}, "--period: a season is read in --context steps"),
    "smoothing": ({"label_smoothing": 0.1, **OPTIONS}, "are for classes"),
    "mixtures": ({"augment": {"mixup": 0.1}, **OPTIONS}, "mixup mixes classes"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_a_plain_line(train, case) -> None:
    options, message = WRONG[case]
    with pytest.raises(lab.UsageError, match=message):
        train(wave(), **{"context": 12, "horizon": 30, "budget": 32, **options})


def test_a_series_that_repeats_itself_exactly_is_refused(train) -> None:
    flat = lab.Dataset(np.tile(np.arange(8.0), 50)[:, None], stream=True)
    with pytest.raises(lab.UsageError, match="repeats itself exactly"):
        train(flat, budget=32, **OPTIONS)


@pytest.mark.parametrize(
    ("past", "message"),
    [
        (np.zeros((1, 11, 2)), "a forecast reads 12 steps"),
        ([np.zeros((12, 2)), np.zeros((13, 2))], "pasts of different lengths"),
        (np.zeros((1, 12, 3)), "has sequences"),
    ],
)
def test_a_past_that_does_not_fit_is_a_plain_line(wave_run, past, message) -> None:
    result, data = wave_run
    with pytest.raises(lab.UsageError, match=message):
        lab.load(result.dir, data=data).predict(past)
