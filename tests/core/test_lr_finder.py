"""The range test finds a rate that trains, from Python and by `lab lr`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from matplotlib.figure import Figure

import lab
from lab.lr_finder import read_off, smooth, steepest
from lab.optim import SCHEDULES

CURVATURE = np.array([1.0, 4.0, 9.0])


def descent(rates) -> list[dict[str, float]]:
    """The rows of gradient descent on a bowl, which diverges at rates above 2 / 9."""
    weights, rows = np.ones(3), [{"clock": 0, "eval/loss": 7.0}]
    for number, rate in enumerate(rates, 1):
        loss = float((weights**2 * CURVATURE).sum() / 2)
        rows.append({"clock": number, "train/lr": float(rate), "train/loss": loss})
        weights = weights - rate * CURVATURE * weights
    return rows


def test_the_suggestion_is_a_rate_that_trains() -> None:
    tested = read_off(descent(np.geomspace(1e-4, 10, 100)))
    assert 1e-3 < tested.suggestion < 2 / 9
    assert len(tested.rates) == len(tested.losses) == len(tested.smoothed) < 100
    assert 2 / 9 < tested.rates[-1] < 2  # where it explodes, it ends
    assert isinstance(tested.draw(), Figure)


def test_too_few_steps_are_refused() -> None:
    with pytest.raises(lab.UsageError, match="exploded at step 2: too few"):
        read_off(descent([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]))


def test_smoothing_is_a_weighted_mean() -> None:
    weights = 0.9 ** np.arange(3)[::-1]
    assert smooth([3.0, 1.0, 2.0])[-1] == pytest.approx(
        np.average([3.0, 1.0, 2.0], weights=weights)
    )


def test_the_steepest_point_lies_before_the_lowest() -> None:
    rates = np.geomspace(1e-4, 1, 41)
    losses = 1 / (1 + np.exp(4 * np.log(rates / 1e-2)))  # falls fastest at 1e-2
    losses[-8:] += np.linspace(0, 5, 8)
    assert steepest(list(rates), list(losses)) == pytest.approx(1e-2, rel=0.3)


def test_the_rate_rises_by_a_constant_factor_up_to_the_peak() -> None:
    curve = SCHEDULES["range-test"]
    assert curve is not None
    values = [curve(done, 0.0) for done in np.linspace(0, 1, 8)]
    assert values[0] == pytest.approx(1e-7)
    assert values[-1] == 1.0
    assert np.diff(np.log(values)) == pytest.approx(np.log(10))


@pytest.fixture(scope="module")
def tested() -> object:
    return lab.range_test("mlp", data="digits", steps=40, seed=1)


def test_a_network_is_tested_and_leaves_nothing(tested, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    again = lab.range_test("mlp", data="digits", steps=40, seed=1)
    assert again == tested
    assert again.rates[0] < 1e-5
    assert 1e-5 < again.suggestion < 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("experiment", "options", "message"),
    [
        ("dqn", {}, "dqn has no --schedule"),
        ("gan", {}, "gan logs no train/loss"),
        ("mlp", {"data": "digits", "lr": 0.1}, "--lr is what the range test decides"),
        (
            "mlp",
            {"data": "digits", "final_lr_ratio": 0.1},
            "--final-lr-ratio is what the range test decides",
        ),
        ("mlp", {"data": "digit"}, "Did you mean 'digits'"),
    ],
)
def test_what_cannot_be_is_said_plainly(experiment, options, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        lab.range_test(experiment, **options)


def test_the_command_prints_a_rate_and_draws(cli, tmp_path) -> None:
    completed = cli("lr", "mlp", "--data", "digits", "--steps", 40, "--seed", 1, "--json", "-q")
    assert completed.exit_code == 0, completed.output
    report = json.loads(completed.stdout)
    assert 1e-5 < report["suggestion"] < 1
    assert len(report["lr"]) == len(report["loss"])
    assert (tmp_path / "lr.png").stat().st_size > 10_000
    assert "--lr " not in cli("lr", "mlp", "--help").output


def test_the_command_refuses_in_a_line(cli) -> None:
    completed = cli("lr", "dqn")
    assert (completed.exit_code, len(completed.output.strip().splitlines())) == (2, 1)
