"""Check that a split is read only where it may be: the test split by its evaluation alone."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import Any
from unittest import mock

from lab.compute.process_env import environment
from lab.testing.subject import Skipped, Subject, expect


def check_splits_are_read_where_they_belong(subject: Subject) -> None:
    """evaluate reads the split of its argument; learning reads neither eval nor test."""
    reads = _reads(subject)
    if not reads.anything("train", "eval", "test"):
        raise Skipped("it reads no data by ctx.data")
    for method in ("__init__", "step"):
        for split in ("eval", "test"):
            expect(
                split not in reads.of[method],
                f"{method} reads the {split} split: what is learned from cannot measure. To stop "
                "early, call evaluate, which the contract knows as an evaluation.",
            )
    for split in ("eval", "test"):
        expect(
            split in reads.of[f"evaluate {split}"],
            f"evaluate({split!r}) does not read the {split} split: its metrics are of something "
            "else.",
        )
    expect(
        "test" not in reads.of["evaluate eval"],
        "evaluate('eval') reads the test split: selection would look at what is for the end.",
    )


def check_evaluation_has_its_own_environments(subject: Subject) -> None:
    """evaluate plays in environments of its own, made with train=False, and step in the others."""
    reads = _reads(subject)
    if not reads.anything(*ENVIRONMENTS):
        raise Skipped("it plays in no environment by ctx.make_envs")
    for split in ("eval", "test"):
        expect(
            ENVIRONMENTS[0] not in reads.of[f"evaluate {split}"],
            f"evaluate({split!r}) plays in the environments that training plays in: make others, "
            "by ctx.make_envs(..., train=False).",
        )
    expect(
        ENVIRONMENTS[1] not in reads.of["step"],
        "step plays in environments that were made with train=False, which are not saved: a "
        "resumed run could not go on in them.",
    )


ENVIRONMENTS = ("training environments", "evaluation environments")


class Reads:
    """What each method reads, by the method: `step`, `evaluate eval`, ..."""

    def __init__(self) -> None:
        self.within = ["__init__"]
        methods = ("__init__", "step", "evaluate eval", "evaluate test")
        self.of: dict[str, set[str]] = {method: set() for method in methods}

    def note(self, what: str) -> None:
        self.of[self.within[-1]].add(what)

    def anything(self, *what: str) -> bool:
        return any(seen & set(what) for seen in self.of.values())

    def noted(self, method: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Return a method that knows what is read while it runs; an evaluation within a step, as
        early stopping has it, counts as an evaluation."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self.within.append(" ".join([name, *map(str, args), *kwargs.values()]))
            try:
                return method(*args, **kwargs)
            finally:
                self.within.pop()

        return call


def _reads(subject: Subject) -> Reads:
    """Return what a short training and both evaluations read; recorded once for all checks."""
    from lab.engine.evaluation import evaluate

    if subject.reads is None:
        reads = Reads()
        with _recorded(reads), subject.experiment() as (experiment, ctx):
            watched: Any = experiment
            watched.step = reads.noted(experiment.step, "step")
            watched.evaluate = reads.noted(experiment.evaluate, "evaluate")
            reads.within = ["step"]
            subject.train_for(experiment, ctx, fraction=0.1)
            for split in ("eval", "test"):
                evaluate(experiment, ctx, split, "check")
        subject.reads = reads
    recorded: Reads = subject.reads
    return recorded


@contextmanager
def _recorded(reads: Reads) -> Iterator[None]:
    """Note what is read of the data and the environments that contexts make from now on. What runs
    cache for each other is out of reach, as that would be read in the place of a split."""
    from lab.engine.context import Context
    from lab.environments import Envs

    original_data, original_make_envs = Context.data, Context.make_envs
    made: dict[int, str] = {}

    def data(ctx: Context, options: Any) -> Any:
        watched: Any = original_data(ctx, options)
        watched.__class__, watched.reads = _watched_data(), reads
        return watched

    def make_envs(ctx: Context, *args: Any, train: bool = True, **kwargs: Any) -> Any:
        envs = original_make_envs(ctx, *args, train=train, **kwargs)
        made[id(envs)] = ENVIRONMENTS[0 if train else 1]
        return envs

    def noted(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(envs: Envs, *args: Any, **kwargs: Any) -> Any:
            if id(envs) in made:
                reads.note(made[id(envs)])
            return method(envs, *args, **kwargs)

        return call

    with tempfile.TemporaryDirectory() as empty, ExitStack() as stack:
        stack.enter_context(environment({"LAB_CACHE": empty}))
        replaced: Mapping[Any, Mapping[str, Any]] = {
            Context: {"data": data, "make_envs": make_envs},
            Envs: {"step": noted(Envs.step), "reset": noted(Envs.reset)},
        }
        for owner, methods in replaced.items():
            for name, method in methods.items():
                stack.enter_context(mock.patch.object(owner, name, method))
        yield


def _watched_data() -> type[Any]:
    """Return a `Data` that knows when its splits are read, not only had in hand."""
    from lab.data.batches import Split
    from lab.data.data import Data

    class Watched(Split):
        def __getattribute__(self, name: str) -> Any:
            if name in ("inputs", "targets"):
                tell = object.__getattribute__(self, "__dict__").get("tell")
                if tell is not None:
                    tell()
            return super().__getattribute__(name)

    def watched(data: Any, name: str, split: Split) -> Split:
        subset = Watched(**vars(split))
        object.__setattr__(subset, "tell", lambda: data.reads.note(name))
        return subset

    class WatchedData(Data):
        reads: Reads

        def texts(self, name: str) -> list[str]:
            self.reads.note(name)
            return super().texts(name)

        @cached_property
        def train(self) -> Split:
            return watched(self, "train", super().train)

        @cached_property
        def eval(self) -> Split:
            return watched(self, "eval", super().eval)

        @cached_property
        def test(self) -> Split:
            return watched(self, "test", super().test)

    return WatchedData
