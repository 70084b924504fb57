"""Take an experiment to the first moment at which it learns, and keep what it learned there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.optimizer import register_optimizer_step_pre_hook

from benchmarks.gpu.draws import SameDraws
from lab.optim import step
from lab.testing.subject import Subject

MOST_STEPS = 64  # before which something has to be learned


@dataclass(frozen=True)
class Learned:
    """All on the CPU. gradients: flat, the first that each optimizer got. logged: means by name.
    change: of the model's numbers, flat. steps: of the experiment, until it learned."""

    gradients: list[Tensor]
    logged: Mapping[str, float]
    change: Tensor
    steps: int


def first_update(subject: Subject, device: str) -> Learned:
    """Return what the first update on a device is, in full precision: without TF32, and with the
    CPU's random numbers."""
    with ExitStack() as stack:
        stack.enter_context(torch.backends.cudnn.flags(enabled=True, allow_tf32=False))
        stack.enter_context(SameDraws(0))
        gradients = stack.enter_context(_gradients())
        experiment, ctx = stack.enter_context(subject.experiment(device=device))
        before, steps = _values(experiment.state_dict()["model"]), 0
        change = before
        while steps < MOST_STEPS:
            steps += 1
            ctx.window.clear()
            moved = experiment.step()
            ctx.clock += moved
            after = _values(experiment.state_dict()["model"])
            # estimators that are fitted at once have no values before
            change = after - before if after.shape == before.shape else after
            if gradients or bool(change.any()) or moved == 0:
                break
        logged = {name: float(value) for name, value in ctx.window.means().items()}
        return Learned(list(gradients.values()), logged, change, steps)


@contextmanager
def _gradients() -> Iterator[dict[int, Tensor]]:
    """Gather the first gradient that each optimizer gets: before `step`, or where `lab.optim.step`
    calls Adam's kernel itself."""
    flat: dict[int, Tensor] = {}

    def keep(key: int, gradients: list[Tensor]) -> None:
        if key not in flat:
            flat[key] = torch.cat([g.detach().flatten() for g in gradients]).float().cpu()

    def before_step(optimizer: Any, args: Any, kwargs: Any) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        keep(id(parameters[0]), [p.grad for p in parameters if p.grad is not None])

    def before_kernel(parameters: Any, gradients: Any, *args: Any, **kwargs: Any) -> None:
        keep(id(parameters[0]), gradients)
        adam(parameters, gradients, *args, **kwargs)

    handle = register_optimizer_step_pre_hook(before_step)
    try:
        with mock.patch.object(step, "adam", before_kernel):
            yield flat
    finally:
        handle.remove()


def _values(state: Any) -> Tensor:
    """Return all floating-point values of a nested state, flat, on the CPU."""
    if isinstance(state, Tensor):
        floats = state.is_floating_point()
        return state.detach().flatten().double().cpu().clone() if floats else torch.empty(0)
    parts = state.values() if isinstance(state, Mapping) else state
    if not isinstance(parts, str) and hasattr(parts, "__iter__"):
        return torch.cat([torch.empty(0).double(), *(_values(part).double() for part in parts)])
    return torch.empty(0)
