"""Check that the options which every family has by the same name work: tiny runs of each."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from lab.engine.evaluation import evaluate
from lab.engine.recorder import by_lane
from lab.errors import UsageError
from lab.testing.compare import difference
from lab.testing.moments import Moment, go_back, keep
from lab.testing.subject import Skipped, Subject, expect

BUDGET_DIVISOR = 16  # a run has this fraction, 1 / 16, of the budget of the preset
TOLERANCE = 0.02  # of an update that is computed in two parts, relative to its size


def check_bf16_trains(subject: Subject) -> None:
    """With --precision bf16 a run trains to its end with finite metrics, and resumes exactly."""
    _trains_and_resumes(subject, precision="bf16")


def check_compiled_trains(subject: Subject) -> None:
    """With --compile a run trains to its end with finite metrics: its networks can be traced."""
    with _traced():
        _trains(subject, compile=True)


def check_accumulating_trains_alike(subject: Subject) -> None:
    """With --grad-accum-steps an update is that of the batch at once, and a run resumes exactly."""
    _offered(subject, "grad_accum_steps")
    _trains_and_resumes(subject, grad_accum_steps=2)
    sgd = {"optimizer": "sgd"} if "optimizer" in subject.config_class.model_fields else {}
    batched = _first_update(subject, grad_accum_steps=1, **sgd)
    parts = _first_update(subject, grad_accum_steps=2, **sgd)
    if batched is None or parts is None:
        return  # random numbers, or statistics of a batch, which its parts do not have
    apart, moved = math.dist(batched, parts), math.hypot(*batched)
    expect(
        apart <= TOLERANCE * moved,
        f"With --grad-accum-steps 2 the first update is another one: it is off by "
        f"{apart / moved:.2g} of its size. Weight each part of a batch by its size.",
    )


def check_averages_train(subject: Subject) -> None:
    """With --ema a run trains to its end with finite metrics, and resumes exactly."""
    _offered(subject, "ema")
    if getattr(subject.resolve().config, "ema", None) is not None:
        raise Skipped("the preset trains with --ema anyway")
    _trains_and_resumes(subject, ema=0.9)


def _offered(subject: Subject, name: str) -> None:
    if name not in subject.config_class.model_fields:
        raise Skipped(f"there is no option --{name}")


def _trains_and_resumes(subject: Subject, **options: Any) -> None:
    half, end = _trains(subject, **options)
    resumed = _experiment(subject, copy.deepcopy(dict(half.facts)), **options)
    with resumed as (experiment, ctx):
        go_back(half, experiment, ctx)
        subject.train_for(experiment, ctx, fraction=1.0)
        change = difference(end.state, keep(experiment, ctx).state)
    expect(
        change is None,
        f"With {_as_words(options)} a resumed run ends otherwise ({change}): something it needs "
        "is missing from state_dict, or is not copied by load_state_dict.",
    )


def _trains(subject: Subject, **options: Any) -> tuple[Moment, Moment]:
    """Train a short run; return its state half way and in the end."""
    with _experiment(subject, **options) as (experiment, ctx):
        subject.train_for(experiment, ctx, fraction=0.5)
        half = keep(experiment, ctx)
        subject.train_for(experiment, ctx, fraction=1.0)
        end = keep(experiment, ctx)
        metrics = by_lane({**ctx.window.means(), **evaluate(experiment, ctx, "eval", "check")})
    for name, value in metrics.items():
        expect(math.isfinite(value), f"With {_as_words(options)} {name} becomes {value}.")
    return half, end


@contextmanager
def _experiment(subject: Subject, facts: Any = None, **options: Any) -> Iterator[tuple[Any, Any]]:
    """Yield an experiment with options. Raises Skipped where they are refused."""
    budget = max(1, subject.budget // BUDGET_DIVISOR)
    try:
        with subject.experiment(facts, budget=budget, **options) as built:
            yield built
    except UsageError as error:
        raise Skipped(f"{_as_words(options)} is refused here: {error}") from error


def _first_update(subject: Subject, **options: Any) -> list[float] | None:
    """Return by how much the first step changes each value of the model; None where the step draws
    random numbers, or a network keeps statistics of the batches."""
    with _experiment(subject, **options) as (experiment, ctx):
        before = keep(experiment, ctx)
        subject.step(experiment)
        after = keep(experiment, ctx)
        buffered = any(True for module in ctx.compute.modules for _ in module.buffers())
    if buffered or difference(before.rng, after.rng) is not None:
        return None
    pairs = zip(_values(before.state["model"]), _values(after.state["model"]), strict=True)
    return [new - old for old, new in pairs]


def _values(state: Any) -> Iterator[float]:
    """Yield the values of a state's tensors, in order."""
    import torch

    if isinstance(state, torch.Tensor):
        yield from state.detach().flatten().double().tolist()
    elif isinstance(state, dict):
        for value in state.values():
            yield from _values(value)


@contextmanager
def _traced() -> Iterator[None]:
    """Let torch.compile trace, and leave out the compiler, which takes a minute on a CPU."""
    import torch

    original = torch.compile

    def traced(*args: Any, options: Any = None, mode: Any = None, **kwargs: Any) -> Any:
        return original(*args, **{**kwargs, "backend": "eager"})

    torch.compiler.reset()
    with mock.patch.object(torch, "compile", traced):
        yield
    torch.compiler.reset()


def _as_words(options: dict[str, Any]) -> str:
    return " ".join(
        f"--{name}" if value is True else f"--{name} {value}" for name, value in options.items()
    )
