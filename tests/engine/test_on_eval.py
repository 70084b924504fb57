"""A function of the caller's looks at each evaluation and may stop the run there."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import column, difference, last_state, rows, summary

import lab

GRID = {"eval_every": 50, "log_every": 20}


def until(clock: int):
    """Return a function that stops a run at a clock."""
    return lambda now, metrics: now < clock


def test_each_evaluation_is_told_once_with_its_metrics(train) -> None:
    evaluations = []
    result = train(
        "odd", **GRID, on_eval=lambda clock, metrics: evaluations.append((clock, metrics))
    )
    assert result.summary["ended"] == "budget"  # None goes on
    assert [clock for clock, _ in evaluations] == [0, 50, 100, 150, 200]
    assert [set(metrics) for _, metrics in evaluations] == [{"eval/score"}] * 5
    assert [metrics["eval/score"] for _, metrics in evaluations] == column(result.dir, "eval/score")


@pytest.mark.parametrize("no", [False, np.False_, 0])
def test_a_stopped_run_ends_in_order_with_a_test_of_its_best_weights(train, no) -> None:
    result = train("odd", **GRID, on_eval=lambda clock, metrics: no if clock == 100 else True)
    recorded = summary(result.dir)
    assert (recorded["state"], recorded["ended"], recorded["clock"]["value"]) == (
        "finished",
        "stopped",
        100,
    )
    assert recorded["objective"]["best"] == max(column(result.dir, "eval/score"))
    assert recorded["test"] == lab.evaluate(result.dir, "best")
    assert rows(result.dir)[-1] == {"clock": 100, **recorded["test"]}
    assert "Stopped at 100, as on_eval said." in (result.dir / "log.txt").read_text()


def test_a_run_that_ends_anyway_is_not_called_stopped(train) -> None:
    assert train("odd", **GRID, on_eval=until(200)).summary["ended"] == "budget"
    criterion = "eval/score>=-1e+09"
    result = train("odd", **GRID, stop_at=criterion, on_eval=until(0))
    assert result.summary["ended"] == criterion


def test_a_stopped_run_trained_on_is_the_run_that_was_never_stopped(train) -> None:
    uninterrupted = train("odd", **GRID)
    result = train("odd", **GRID, on_eval=until(100))
    again = lab.resume(result.dir, on_eval=until(150))
    assert (again.summary["ended"], again.summary["clock"]["value"]) == ("stopped", 150)
    assert lab.resume(result.dir).summary["ended"] == "budget"
    assert rows(result.dir) == rows(uninterrupted.dir)
    assert difference(last_state(result.dir), last_state(uninterrupted.dir)) is None
    with pytest.raises(lab.UsageError, match="is finished"):
        lab.resume(result.dir)


def test_what_the_function_draws_at_random_changes_nothing(train) -> None:
    def draw(clock: int, metrics: dict[str, float]) -> None:
        random.random(), np.random.rand(), torch.rand(3)  # noqa: NPY002
        metrics.clear()

    plain, drawn = train("odd", **GRID), train("odd", **GRID, on_eval=draw)
    assert rows(drawn.dir) == rows(plain.dir)
    assert difference(last_state(drawn.dir), last_state(plain.dir)) is None


def test_a_function_that_raises_fails_the_run_by_its_name_and_the_run_can_go_on(train) -> None:
    def prune(clock: int, metrics: dict[str, float]) -> bool:
        return clock < 100 or metrics["eval/acuracy"] > 0.5

    with pytest.raises(lab.RunFailed) as failed:
        train("odd", **GRID, on_eval=prune)
    folder = Path(failed.value.dir)
    assert "prune failed at clock 100: KeyError: 'eval/acuracy'" in str(failed.value)
    assert summary(folder)["state"] == "failed"
    assert "Traceback" in (folder / "log.txt").read_text()
    assert lab.resume(folder).state == "finished"
    assert rows(folder) == rows(train("odd", **GRID).dir)


def test_what_is_no_function_is_refused_before_anything_is_made(train, tmp_path) -> None:
    with pytest.raises(lab.UsageError, match="on_eval=3 is no function"):
        train("odd", on_eval=3)
    assert not (tmp_path / "runs").exists()
