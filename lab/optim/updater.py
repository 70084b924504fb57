"""Do what every gradient step repeats: the learning rate schedule, the loss, the update, EMA."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lab.compute.device import Compute
from lab.data.batches import Batch
from lab.optim.ema import EMA
from lab.optim.optimizers import make_optimizer
from lab.optim.options import OptimizerOptions
from lab.optim.schedules import is_scheduled, rate, set_rate
from lab.optim.step import Loss, Update, step_clipped

if TYPE_CHECKING:
    from lab.engine.context import Context

Weight = Callable[[Batch], Tensor]


def samples(batch: Batch) -> Tensor:
    """Return how many samples a batch has."""
    first = next(tensor for tensor in batch.values() if tensor.dim())
    return torch.full((), float(len(first)), device=first.device)


class Updater:
    """A callable `updater(batch) -> (loss, extra)` that takes one optimizer step on a batch, a
    mapping of named tensors.

    loss: `loss(model, batch) -> (loss, extra)`, as for `ctx.make_update`: a mean over the batch,
        and any other outputs for the caller, detached.
    weight: `weight(batch)`, the divisor of that mean: samples by default; where some count for
        less or for nothing (class weights, padding) the loss's own `weight`. Called only where
        `grad_accum_steps` splits the batch, along the first axis of its tensors; a tensor without
        axes is passed to each part.
    progress: the fraction of the schedule that is done; by default that of the budget.
    compile: whether the run may compile it: not where the loss differentiates a gradient.

    The module went through `ctx.wrap`. With `ema` the averages are evaluated: `averaged()` swaps
    them in, and they are `state_dict()["model"]`.
    """

    def __init__(
        self,
        ctx: Context,
        module: nn.Module,
        options: OptimizerOptions,
        loss: Loss,
        *,
        optimizer: torch.optim.Optimizer | None = None,
        weight: Weight = samples,
        progress: Callable[[], float] | None = None,
        compile: bool = True,
    ) -> None:
        self.module, self.options = module, options
        self.optimizer = optimizer or make_optimizer(module, options)
        self.ema = None if options.ema is None else EMA(module, options.ema)
        self._progress = progress or (lambda: ctx.progress("lr"))
        # as one graph, an update may write to parameters alone: not to BatchNorm's statistics
        compiled = ctx.compute.compiled and compile
        in_one_graph = not compiled or next(module.buffers(), None) is None
        if options.grad_accum_steps == 1 and in_one_graph:
            self._update = ctx.make_update(
                module, self.optimizer, loss, options.clip_norm, compile=compile
            )
        else:
            self._update = accumulated(
                ctx.compute,
                module,
                self.optimizer,
                loss,
                weight=weight,
                parts=options.grad_accum_steps,
                clip_norm=options.clip_norm,
                compiled=compiled,
            )

    @property
    def lr(self) -> float:
        """Return the learning rate at the present progress."""
        return self.options.lr * self._factor()

    def _factor(self) -> float:
        return rate(self.options, self._progress()) if is_scheduled(self.options) else 1.0

    def __call__(self, batch: Batch) -> tuple[Tensor, Any]:
        set_rate(self.optimizer, self.options.lr, self._factor())
        result = self._update(batch)
        if self.ema is not None:
            self.ema.update()
        return result

    def averaged(self) -> AbstractContextManager[None]:
        """Swap the averages, if there are any, into the module: `evaluate` measures with them."""
        return nullcontext() if self.ema is None else self.ema.swapped()

    def state_dict(self) -> dict[str, Any]:
        """Return a state that serves as an experiment's own: `model` alone predicts."""
        optimizer = self.optimizer.state_dict()
        if self.ema is None:
            return {"model": self.module.state_dict(), "optimizer": optimizer}
        return {
            "model": self.ema.model_state(),
            "optimizer": optimizer,
            "weights": self.module.state_dict(),  # that training goes on with, next to the averages
            "averaged": self.ema.updates,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy a state in; where it holds `model` alone, that is the module and its average."""
        self.module.load_state_dict(state.get("weights", state["model"]))
        if self.ema is not None:
            self.ema.load_model_state(state["model"])
            self.ema.updates = state.get("averaged", 0)
        if "optimizer" in state:
            self.optimizer.load_state_dict(
                copy.deepcopy(state["optimizer"])
            )  # it keeps what it gets


def accumulated(
    compute: Compute,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    *,
    weight: Weight,
    parts: int,
    clip_norm: float | None,
    compiled: bool,
) -> Update:
    """Return an update that computes a batch in parts, to fit in memory, and steps once.

    Each part's loss is weighted by its fraction of the batch's weight, so the gradient is that of
    the batch at once, whatever the size of the last part. BatchNorm alone sees each part by itself.
    """
    model: Any = torch.compile(module) if compiled else module

    def update(batch: Batch) -> tuple[Tensor, Any]:
        pieces = list(split(batch, parts))
        fractions = _fractions([weight(piece) for piece in pieces])
        optimizer.zero_grad(set_to_none=True)
        values, extras = [], []
        for piece, fraction in zip(pieces, fractions, strict=True):
            with compute.autocast():
                value, extra = loss(model, piece)
            compute.scaler.scale(value * fraction).backward()
            values.append(value.detach() * fraction)
            extras.append(extra)
        step_clipped(compute, optimizer, clip_norm)
        return torch.stack(values).sum(), join(extras, fractions)

    return update


def split(batch: Batch, parts: int) -> Iterator[Batch]:
    """Yield a batch in at most `parts` pieces of one size, but for a smaller last one. A tensor
    without axes is in each of them."""
    scalars = {name: tensor for name, tensor in batch.items() if not tensor.dim()}
    chunks = {name: tensor.chunk(parts) for name, tensor in batch.items() if tensor.dim()}
    for rows in zip(*chunks.values(), strict=True):
        yield {**scalars, **dict(zip(chunks, rows, strict=True))}


def join(extras: Sequence[Any], fractions: Tensor) -> Any:
    """Join the extra outputs of each part's loss: rows are concatenated, scalars averaged with the
    parts' fractions as weights, tuples, lists and dicts joined item by item."""
    first = extras[0]
    if isinstance(first, Mapping):
        return {name: join([extra[name] for extra in extras], fractions) for name in first}
    if isinstance(first, tuple | list):
        return type(first)(join(items, fractions) for items in zip(*extras, strict=True))
    if not isinstance(first, Tensor):
        return first if first is None else list(extras)
    if first.dim():
        return torch.cat(list(extras))
    return (torch.stack(list(extras)) * fractions).sum()


def _fractions(weights: Sequence[Tensor]) -> Tensor:
    """Return each part's fraction of the total weight [parts]; 0 where the total is 0."""
    stacked = torch.stack(list(weights)).float()
    return stacked / stacked.sum().clamp(min=torch.finfo(torch.float32).tiny)
