"""A metric may hold a value for each lane up to the recorder, where a run of one lane takes one."""

from __future__ import annotations

import pytest
import torch
from helpers import column, summary

import lab
from lab.engine.recorder import by_lane


def test_the_one_lane_of_a_run_is_logged_evaluated_and_selected_by_as_a_number(
    train, monkeypatch
) -> None:
    from lab_odd.odd import Odd

    plain = train("odd", eval_every=50)
    evaluate, log = Odd.evaluate, lab.Context.log
    monkeypatch.setattr(
        Odd,
        "evaluate",
        lambda self, split: {"score": torch.tensor([evaluate(self, split)["score"]])},
    )
    monkeypatch.setattr(
        lab.Context, "log", lambda self, name, value: log(self, name, value.reshape(1))
    )
    lanes = train("odd", eval_every=50, stop_at="eval/score>=1e9")
    for name in ("train/loss", "eval/score", "test/score"):
        assert column(lanes.dir, name) == column(plain.dir, name), name
    assert lanes.objective == plain.objective
    assert lab.evaluate(lanes.dir) == summary(plain.dir)["test"]


@pytest.mark.parametrize("values", [torch.zeros(0), torch.zeros(2), torch.zeros(3)], ids=len)
@pytest.mark.parametrize(("method", "name"), [("evaluate", "eval/score"), ("step", "train/loss")])
def test_values_of_other_lanes_fail_the_run_with_the_metrics_name(
    train, monkeypatch, method, name, values
) -> None:
    from lab_odd.odd import Odd

    def step(self: Odd) -> int:
        self.ctx.log("loss", values)
        return 10

    replacement = {"evaluate": lambda self, split: {"score": values}, "step": step}[method]
    monkeypatch.setattr(Odd, method, replacement)
    with pytest.raises(
        lab.RunFailed, match=f"{name} holds {len(values)} values, one for each lane"
    ):
        train("odd")


def test_lanes_part_into_numbers() -> None:
    scalars = by_lane({"train/loss": torch.tensor([0.5]), "eval/score": 2})
    assert scalars == {"train/loss": 0.5, "eval/score": 2.0}
    assert {type(value) for value in scalars.values()} == {float}


def test_a_run_is_one_process(train, monkeypatch) -> None:
    from lab_odd.odd import Odd

    seen = set()
    monkeypatch.setattr(
        Odd, "stumble", lambda self, where: seen.add((self.ctx.rank, self.ctx.world_size))
    )
    train("odd")
    assert seen == {(0, 1)}
