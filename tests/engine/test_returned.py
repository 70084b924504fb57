"""What an experiment returns by mistake is one plain line, and never trains for ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import rows

import lab

STEPS = {
    "-1 (int)": -1,
    "None": None,
    "True (bool)": True,
    "10.0 (float)": 10.0,
    "'10' (str)": "10",
    "a Tensor of shape ()": torch.tensor(10),
    "a ndarray of shape (2,)": np.array([1, 2]),
}
METRICS = {
    "returned None": None,
    "returned [('score', 1)] (list)": [("score", 1)],
    "names a metric 'a/b'": {"a/b": 1.0},
    "names a metric ''": {"": 1.0},
    "names a metric nan": {float("nan"): 1.0},
    "returned None for 'score'": {"score": None},
    "returned '0.5' (str) for 'score'": {"score": "0.5"},
    "returned a ndarray of shape (3,) for 'score'": {"score": np.zeros(3)},
    "returned a Tensor of shape (1, 1) for 'score'": {"score": torch.zeros(1, 1)},
    "returned 1j (complex) for 'score'": {"score": 1j},
}
STATES = {
    "returned None": None,
    "returned [1] (list)": [1],
    "has no 'model'": {"weights": torch.zeros(1)},
}


@pytest.fixture
def failing(train, monkeypatch):
    """Train an experiment one of whose methods returns `value`; return the message."""

    def fail(method: str, value: object) -> str:
        from lab_odd.odd import Odd

        monkeypatch.setattr(Odd, method, lambda self, *split: value)
        with pytest.raises(lab.RunFailed) as failed:
            train("odd")
        assert lab.Run(Path(failed.value.dir)).state == "failed"
        return str(failed.value)

    return fail


@pytest.mark.timeout(60)
@pytest.mark.parametrize("returned", STEPS)
def test_a_step_that_returns_no_count_ends_the_run_plainly(failing, returned) -> None:
    message = failing("step", STEPS[returned])
    assert f"Odd.step() returned {returned}. It must return how far the clock moved" in message


@pytest.mark.parametrize("fault", METRICS)
def test_an_evaluation_that_returns_no_metrics_ends_the_run_plainly(failing, fault) -> None:
    message = failing("evaluate", METRICS[fault])
    assert f"Odd.evaluate('eval') {fault}" in message


@pytest.mark.parametrize("fault", STATES)
def test_a_state_without_a_model_ends_the_run_plainly(failing, fault) -> None:
    assert f"Odd.state_dict() {fault}" in failing("state_dict", STATES[fault])


def test_numbers_of_numpy_and_torch_are_numbers(train, monkeypatch) -> None:
    from lab_odd.odd import Odd

    values = {"score": torch.tensor(0.5), "b": np.float32(0.25), "c": np.array(2), "d": 1}
    monkeypatch.setattr(Odd, "step", lambda self: np.int64(10))
    monkeypatch.setattr(Odd, "evaluate", lambda self, split: values)
    result = train("odd", budget=20)
    assert result.summary["clock"]["value"] == 20
    last = rows(result.dir)[-1]
    assert [last[f"test/{name}"] for name in values] == [0.5, 0.25, 2.0, 1.0]
