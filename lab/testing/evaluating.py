"""Check that an evaluation leaves training as it was, and that capabilities give what they say."""

from __future__ import annotations

import copy
import random
import tempfile
from pathlib import Path
from typing import Any

from lab.config import Options, build, unwrap
from lab.errors import LabError
from lab.evaluation import evaluate, perform
from lab.spec import import_object
from lab.testing.compare import difference
from lab.testing.subject import Skipped, Subject, expect

EXAMPLES = 3


def check_evaluation_leaves_no_trace(subject: Subject) -> None:
    """evaluate leaves weights, optimisers, randomness, modes, grad mode and clock alone."""
    import torch

    with subject.experiment() as (experiment, ctx):
        subject.practise(experiment, ctx)
        for module in ctx.compute.modules:
            module.train()
        before = _everything(experiment, ctx)
        for split in ("eval", "test"):
            evaluate(experiment, ctx, split, "check")
            found = difference(before, _everything(experiment, ctx), "experiment")
            expect(
                found is None,
                f"evaluate({split!r}) changes what training goes on with ({found}).",
            )
        expect(torch.is_grad_enabled(), "evaluate leaves gradients turned off.")


def check_evaluation_repeats_itself(subject: Subject) -> None:
    """The same weights, evaluated twice, give the same figures."""
    with subject.experiment() as (experiment, ctx):
        subject.practise(experiment, ctx)
        one, two = (evaluate(experiment, ctx, "eval", "check") for _ in range(2))
    found = difference(one, two, "metrics")
    expect(
        found is None,
        f"Evaluating twice gives different figures ({found}): something goes on from one "
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
    """evaluate("test") returns figures at the end, once."""
    rows = [row for row in subject.first.rows if any(key.startswith("test/") for key in row)]
    expect(len(rows) == 1, f"{len(rows)} rows hold test figures; they come once, at the end.")


def check_predictions_are_batched(subject: Subject) -> None:
    """predict(example(n)) has n rows, finite, and each row depends on its own input alone; it is
    infer(example(n)) where predict is a capability, which takes options."""
    import numpy as np

    methods = subject.spec.load_experiment()
    name = "infer" if "predict" in subject.spec.capabilities else "predict"
    if not hasattr(methods, name):
        raise Skipped("the experiment does not predict")
    expect(
        hasattr(methods, "example"),
        f"The experiment has {name} but no example(n), which returns n inputs that {name} takes.",
    )
    with subject.experiment() as (experiment, ctx):
        subject.practise(experiment, ctx, share=0.05)
        for module in ctx.compute.modules:
            module.eval()
        learner: Any = experiment
        inputs, answer = learner.example(EXAMPLES), getattr(learner, name)
        whole, alone = np.asarray(answer(inputs)), np.asarray(answer(inputs[:1]))
    expect(
        whole.shape[:1] == (EXAMPLES,) and alone.shape == (1, *whole.shape[1:]),
        f"{name} gives {whole.shape} for {EXAMPLES} inputs and {alone.shape} for one: the first "
        "axis must be that of the inputs.",
    )
    expect(bool(np.isfinite(whole).all()), f"{name} gives numbers that are not finite.")
    expect(
        bool(np.allclose(whole[:1], alone, rtol=1e-4, atol=1e-5)),
        f"{name} gives an input another answer when other inputs stand beside it.",
    )


def check_capabilities_return_media(subject: Subject) -> None:
    """Each capability returns a picture, a figure, a Clip, a text or the path of the file that it
    wrote, predict rows of plain data; and it changes nothing."""
    if not subject.spec.capabilities:
        raise Skipped("the spec declares no capability")
    impossible = []
    with subject.experiment() as (experiment, ctx):
        subject.practise(experiment, ctx, share=0.05)
        for name, path in subject.spec.capabilities.items():
            before = _everything(experiment, ctx)
            with tempfile.TemporaryDirectory() as folder:
                try:
                    _write(experiment, ctx, name, import_object(path), Path(folder))
                except LabError as error:
                    impossible.append(f"{name} is not possible here: {error}")
            found = difference(before, _everything(experiment, ctx), "experiment")
            expect(found is None, f"{name} changes what training goes on with ({found}).")
    if len(impossible) == len(subject.spec.capabilities):
        raise Skipped("; ".join(impossible))


def _write(experiment: Any, ctx: Any, name: str, model: type[Options], folder: Path) -> None:
    """Call a capability and write what it returns to `folder`."""
    from lab import media

    fields = model.model_fields.items()
    paths = {field: folder / field for field, about in fields if Path in unwrap(about.annotation)}
    content = perform(experiment, ctx, name, build(model, paths))
    if name == "predict" or (isinstance(content, Path) and content.is_file()):
        return
    try:
        media.write(folder / "shown", content)
    except (TypeError, ValueError) as error:
        expect(False, f"What {name} returns cannot be shown: {error}")


def _everything(experiment: Any, ctx: Any) -> dict[str, Any]:
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
