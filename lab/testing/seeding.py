"""Check that randomness is the runner's, from the first weights on."""

from __future__ import annotations

import copy
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

from lab.compute import rng
from lab.engine.evaluation import evaluate
from lab.testing.compare import difference
from lab.testing.places import Own
from lab.testing.subject import CheckFailed, Skipped, Subject, expect
from lab.testing.uses import use_everything


def check_seeds_differ_from_the_start(subject: Subject) -> None:
    """Two seeds begin with different weights: networks are drawn from the runner's randomness."""
    first, second = (_first_weights(subject, seed) for seed in (0, 1))
    if not _holds_values(first):
        raise Skipped("the model holds nothing before training")
    expect(
        difference(first, second) is not None,
        "Seeds 0 and 1 begin with the same weights: something seeds before the networks are made, "
        "or draws them from a generator of its own.",
    )


def check_nothing_is_seeded(subject: Subject) -> None:
    """No method of the experiment seeds a global generator, not even while it is built."""
    with _no_seeding(subject.own), subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx, fraction=0.1)
        for split in ("eval", "test"):
            evaluate(experiment, ctx, split, "check")
        experiment.load_state_dict(copy.deepcopy(experiment.state_dict()))
        use_everything(subject, experiment, ctx)


def check_randomness_is_the_runners(subject: Subject) -> None:
    """Training leaves python's and numpy's global generators alone."""
    import numpy as np

    with subject.experiment() as (experiment, ctx):
        before = random.getstate(), _plain(np.random.get_state())  # noqa: NPY002
        subject.train_for(experiment, ctx)
        after = random.getstate(), _plain(np.random.get_state())  # noqa: NPY002
    for name, old, new in zip(("random", "numpy.random"), before, after, strict=True):
        expect(
            old == new,
            f"Training draws from the global generator of `{name}`. Draw from ctx.rng instead: "
            "anybody's code may draw from the global one too.",
        )


def _first_weights(subject: Subject, seed: int) -> Any:
    with subject.experiment(seed=seed) as (experiment, _):
        return copy.deepcopy(experiment.state_dict().get("model"))


def _holds_values(value: Any) -> bool:
    """Tell whether there is any tensor in a state."""
    import torch

    if isinstance(value, dict):
        return any(map(_holds_values, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_values, value))
    return isinstance(value, torch.Tensor) and value.numel() > 0


def _plain(state: Any) -> tuple[Any, ...]:
    return tuple(part.tobytes() if hasattr(part, "tobytes") else part for part in state)


@contextmanager
def _no_seeding(own: Own) -> Iterator[None]:
    """Make every function that seeds a global generator raise where the plugin calls it, itself or
    by a library; the runner's own calls pass."""
    import numpy as np
    import torch

    places: list[tuple[Any, str, str]] = [
        (random, "seed", "random.seed"),
        (np.random, "seed", "numpy.random.seed"),
        *((torch, name, f"torch.{name}") for name in ("manual_seed", "seed")),
        *((torch.random, name, f"torch.random.{name}") for name in ("manual_seed", "seed")),
        *((torch.cuda, n, f"torch.cuda.{n}") for n in ("manual_seed", "manual_seed_all", "seed")),
    ]
    with ExitStack() as stack:
        for owner, name, label in places:
            guarded = _guarded(getattr(owner, name), label, own)
            stack.enter_context(mock.patch.object(owner, name, guarded))
        yield


def _guarded(function: Callable[..., Any], name: str, own: Own) -> Callable[..., Any]:
    def seed(*args: Any, **kwargs: Any) -> Any:
        if not _is_the_runners(own):
            raise CheckFailed(
                f"The experiment calls {name} ({own.running(sys._getframe())}). The runner seeds "
                "everything, and restores it after an interruption; an experiment never seeds."
            )
        return function(*args, **kwargs)

    return seed


def _is_the_runners(own: Own) -> bool:
    """Tell whether `lab.compute.rng` comes before the plugin among those who call, or alone."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_filename == rng.__file__:
            return True
        if frame.f_code in own:
            return False
        frame = frame.f_back  # type: ignore[assignment]
    return True
