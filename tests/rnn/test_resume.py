"""Every shape of task goes on, after an end anywhere, as if it had never stopped."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import difference, last_state, rows, summary
from rnn import made

import lab
from lab.tracking.terminal import Silent


class Stopper(Silent):
    """A terminal that fails training when the clock gets to `at`."""

    def __init__(self, at: int) -> None:
        self.at = at

    def tick(self, clock: int) -> None:
        if clock >= self.at:
            raise RuntimeError("ended here")


EVERYTHING: dict[str, Any] = {
    "dropout": 0.2, "ema": 0.9, "grad_accum_steps": 3, "budget": 320, "eval_every": 160,
    "checkpoint_every": 100, "schedule": "one-cycle", "augment": {"noise": 0.1}, "patience": 20,
}  # fmt: skip
TASKS: dict[str, dict[str, Any]] = {
    "ramps": {"layers": 2, "bidirectional": True, "cell": "lstm"},
    "steps": {},
    "wave": {"context": 12, "horizon": 3, "period": 8},
    "spoken": {},
    "described": {"cell": "lstm"},
}


@pytest.mark.parametrize("task", TASKS)
def test_interrupted_and_resumed_it_is_the_same(train, tmp_path, task) -> None:
    data, options = getattr(made, task)(), {**EVERYTHING, **TASKS[task]}
    uninterrupted = train(data, name="whole", **options)
    with pytest.raises(lab.RunFailed):
        train(data, name="cut", terminal=Stopper(200), **options)
    resumed = lab.resume(tmp_path / "runs" / "cut", data=data)
    assert rows(resumed.dir) == rows(uninterrupted.dir)
    assert difference(last_state(resumed.dir), last_state(uninterrupted.dir)) is None
    assert summary(resumed.dir)["test"] == summary(uninterrupted.dir)["test"]
