"""Check that an evaluation leaves training as it was, and says what it must."""

from __future__ import annotations

import copy
import random
from typing import Any

from lab.engine.evaluation import evaluate
from lab.testing.compare import difference
from lab.testing.subject import Subject, expect


def check_evaluation_leaves_no_trace(subject: Subject) -> None:
    """evaluate leaves weights, optimizers, randomness, modes, grad mode and clock alone."""
    import torch

    with subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx)
        for module in ctx.compute.modules:
            module.train()
        before = everything(experiment, ctx)
        for split in ("eval", "test"):
            evaluate(experiment, ctx, split, "check")
            change = difference(before, everything(experiment, ctx), "experiment")
            expect(
                change is None,
                f"evaluate({split!r}) changes what training goes on with ({change}).",
            )
        expect(torch.is_grad_enabled(), "evaluate leaves gradients turned off.")


def check_evaluation_repeats_itself(subject: Subject) -> None:
    """The same weights, evaluated twice, give the same metrics."""
    with subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx)
        first, second = (evaluate(experiment, ctx, "eval", "check") for _ in range(2))
    change = difference(first, second, "metrics")
    expect(
        change is None,
        f"Evaluating twice gives different metrics ({change}): something goes on from one "
        "evaluation to the next (an environment that is not reset, an iterator, a cache).",
    )


def check_evaluation_names_the_objective(subject: Subject) -> None:
    """The last evaluation returns the metric that selects, by its bare name."""
    name, _ = subject.resolve().objective
    last = [row for row in subject.first.rows if any(key.startswith("eval/") for key in row)][-1]
    expect(
        name in last,
        f"The objective {name} is not among what the last evaluation returned: "
        f"{', '.join(key for key in last if key.startswith('eval/'))}.",
    )


def check_test_comes_from_evaluate(subject: Subject) -> None:
    """evaluate("test") returns metrics at the end, once."""
    rows = [row for row in subject.first.rows if any(key.startswith("test/") for key in row)]
    expect(len(rows) == 1, f"{len(rows)} rows hold test metrics; they come once, at the end.")


def everything(experiment: Any, ctx: Any) -> dict[str, Any]:
    """Return a copy of all that training goes on with."""
    return copy.deepcopy(
        {
            "state": experiment.state_dict(),
            "randomness": ctx.randomness.state_dict(),
            "environments": ctx.envs_state(),
            "clock": ctx.clock,
            "modes": [m.training for top in ctx.compute.modules for m in top.modules()],
            "python": random.getstate(),
        }
    )
