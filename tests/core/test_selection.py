"""The best weights: of equal ones the later, and never the untrained ones where there are others.

Truth is worked out by hand from the list of scores that the evaluations give.
"""

from __future__ import annotations

import itertools
import json

import pytest
import torch
from helpers import summary

import lab

# scores at clock 0, 10, 20, ...; direction; which clock is the best
CASES = [
    ([5.0, 5.0, 5.0, 5.0], "max", 30),
    ([0.0, 1.0, 3.0, 2.0], "max", 20),
    ([0.0, 3.0, 3.0, 2.0], "max", 20),
    ([9.0, 1.0, 2.0, 1.0], "max", 20),
    ([9.0, 1.0, 0.0, 0.0], "max", 10),
    ([0.0, 2.0, 1.0, 1.0], "min", 30),
    ([0.0, 2.0, 2.0, 3.0], "min", 20),
    ([1.0, None, None, None], "max", 0),
    ([None, None, 1.0, None], "max", 20),
    ([3.0, None, 1.0, None], "max", 20),
]


@pytest.fixture
def scored(train, monkeypatch):
    """Train with given scores, None where an evaluation lacks the objective."""

    def run(scores, direction="max", **options):
        import lab_odd.config
        import lab_odd.odd

        left = itertools.chain(scores, itertools.repeat(scores[-1]))

        def evaluate(self, split):
            score = next(left) if split == "eval" else 0.0
            return {"other": 1.0} if score is None else {"score": score}

        objective = property(lambda self: ("eval/score", direction))
        monkeypatch.setattr(lab_odd.odd.Odd, "evaluate", evaluate)
        monkeypatch.setattr(lab_odd.config.Odd, "objective", objective)
        fixed = {"budget": 10 * (len(scores) - 1), "eval_every": 10}
        return train("odd", **{**fixed, **options})

    return run


@pytest.mark.parametrize(("scores", "direction", "clock"), CASES)
def test_the_best_is_the_same_everywhere(scored, cli, scores, direction, clock) -> None:
    result = scored(scores, direction)
    kept = torch.load(result.dir / "checkpoints" / "best.pt", weights_only=True)
    objective = summary(result.dir)["objective"]
    assert kept["clock"] == kept["evaluated"] == objective["best_clock"] == clock
    assert result.objective == objective["best"] == scores[clock // 10]
    listed = json.loads(cli("runs", "--json").stdout)
    assert [row["objective"]["best"] for row in listed] == [scores[clock // 10]]


def test_a_constant_objective_keeps_what_was_trained(scored) -> None:
    result = scored([1.0] * 5)
    best, last = (lab.load(result.dir, which).where for which in ("best", "last"))
    assert torch.equal(best, last)
    assert not torch.equal(best, torch.zeros(1))


def test_a_criterion_confirmed_before_any_training_ends_there(scored) -> None:
    result = scored([1.0, 1.0, 2.0], stop_at="eval/score>=1")
    assert (result.summary["clock"]["value"], result.summary["objective"]["best_clock"]) == (0, 0)


def test_a_resumed_run_selects_as_the_whole_one(scored, monkeypatch) -> None:
    """A larger budget goes on from the tie."""
    result = scored([5.0, 2.0, 2.0])
    assert result.summary["objective"]["best_clock"] == 20
    longer = lab.resume(result.dir, budget=40)
    assert longer.summary["objective"]["best_clock"] == 40
