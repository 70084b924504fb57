"""Make the step that every gradient method repeats: loss, gradient, clipping, optimizer.

Small networks are bound by dispatch, not arithmetic: torch's optimizer wrapper and a clipping pass
over all gradients cost as much as the backward pass. So a plain Adam (Kingma & Ba, 2015, algorithm
1) is called by its kernel, which clips as it goes, and `--compile` puts gradient, clipping and Adam
into one graph. Both keep the optimizer's own state: checkpoints are those of `torch.optim.Adam`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from packaging.version import Version
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.optim.adam import adam

from lab.compute.device import Compute
from lab.data.batches import Batch

NOTHING = ()  # for None, which `grad_and_value` does not take as an auxiliary output
Loss = Callable[[Any, Batch], tuple[Tensor, Any]]  # model, batch -> loss [], anything else
Update = Callable[[Batch], tuple[Tensor, Any]]


class AdamState(NamedTuple):
    """The tensors that Adam keeps, one of each for every parameter."""

    first: list[Tensor]
    second: list[Tensor]
    steps: list[Tensor]


def make_update(
    compute: Compute,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    clip_norm: float | None = None,
    compile: bool = True,
) -> Update:
    """Return `update(batch) -> (loss, extra)`, which takes one optimizer step; compiled if the run
    is and `compile` allows it.

    `loss(model, batch)` returns the loss and other outputs for the caller: detached tensors, by
    themselves or in tuples, lists and dicts, or None. It must reach every parameter, and through
    `model` alone. A batch is a mapping of named tensors, the same names at each step.
    """
    compiled = compute.compiled and compile
    if compute.precision != "fp16" and _is_plain_adam(optimizer):
        if compiled:
            return _compiled(compute, module, optimizer, loss, clip_norm)
        if optimizer.param_groups[0]["fused"]:
            return _fused(compute, module, optimizer, loss, clip_norm)

    model: Any = torch.compile(module) if compiled else module

    def update(batch: Batch) -> tuple[Tensor, Any]:
        with compute.autocast():
            value, extra = loss(model, batch)
        optimize(compute, optimizer, value, clip_norm)
        return value.detach(), extra

    return update


def optimize(
    compute: Compute, optimizer: torch.optim.Optimizer, loss: Tensor, clip_norm: float | None = None
) -> None:
    """Take one optimizer step on `loss`, with fp16 scaling and gradient-norm clipping."""
    optimizer.zero_grad(set_to_none=True)
    compute.scaler.scale(loss).backward()
    step_clipped(compute, optimizer, clip_norm)


def step_clipped(
    compute: Compute, optimizer: torch.optim.Optimizer, clip_norm: float | None
) -> None:
    """Clip the gradients that were gathered, in their true scale, and step."""
    if clip_norm is not None:
        compute.scaler.unscale_(optimizer)
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(parameters, clip_norm)
    compute.scaler.step(optimizer)
    compute.scaler.update()


def clip_divisor(grads: list[Tensor], clip_norm: float) -> Tensor:
    """Return the divisor of gradients that brings their joint norm to at most `clip_norm`: the
    inverse of the factor of `torch.nn.utils.clip_grad_norm_`, as the fused kernel takes it."""
    # torch.nn.utils.get_total_norm, without sorting by device and dtype, which are one here
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
    divisor: Tensor = ((norm + 1e-6) / clip_norm).clamp(min=1.0)
    return divisor


def _is_plain_adam(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether the optimizer is an Adam or AdamW that the functions below compute."""
    if not isinstance(optimizer, torch.optim.Adam) or len(optimizer.param_groups) != 1:
        return False
    return not any(optimizer.param_groups[0][name] for name in ("amsgrad", "maximize"))


def _fused(
    compute: Compute,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    clip_norm: float | None,
) -> Update:
    parameters: list[Tensor] = [p for p in module.parameters() if p.requires_grad]

    def update(batch: Batch) -> tuple[Tensor, Any]:
        with compute.autocast():
            value, extra = loss(module, batch)
        unordered = torch.autograd.grad(value, parameters)
        grads = [_laid_out_as(p, g) for p, g in zip(parameters, unordered, strict=True)]
        state, options = _state(optimizer, parameters), _options(optimizer)
        with torch.no_grad():
            divisor = None if clip_norm is None else clip_divisor(grads, clip_norm)
            first, second, steps = state
            adam(
                parameters,
                grads,
                first,
                second,
                [],
                steps,
                fused=True,
                grad_scale=divisor,
                **options,
            )
        return value.detach(), extra

    return update


def _laid_out_as(parameter: Tensor, grad: Tensor) -> Tensor:
    """Return `grad` in the memory order of `parameter`: the fused kernel walks both as they lie."""
    if grad.stride() == parameter.stride():
        return grad
    return torch.empty_like(parameter).copy_(grad)


def _compiled(
    compute: Compute,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    clip_norm: float | None,
) -> Update:
    names = [name for name, p in module.named_parameters() if p.requires_grad]
    parameters: list[Tensor] = [p for p in module.parameters() if p.requires_grad]

    def gradients(batch: Batch) -> tuple[list[Tensor], Tensor, Any]:
        def on_parameters(values: dict[str, Tensor]) -> tuple[Tensor, Any]:
            def model(*inputs: Tensor) -> Any:
                return functional_call(module, values, inputs)

            with compute.autocast():
                value, extra = loss(model, batch)
            return value, NOTHING if extra is None else extra

        values = dict(zip(names, (p.detach() for p in parameters), strict=True))
        by_name, (value, extra) = grad_and_value(on_parameters, has_aux=True)(values)
        return [by_name[name] for name in names], value, None if _is_nothing(extra) else extra

    def step(state: AdamState, options: Mapping[str, Any], batch: Batch) -> tuple[Tensor, Any]:
        grads, value, extra = gradients(batch)
        with torch.no_grad():
            if clip_norm is not None:
                divisor = clip_divisor(grads, clip_norm)
                grads = [grad / divisor for grad in grads]
            decay = options["weight_decay"]
            if decay and not options["decoupled_weight_decay"]:
                # torch 2.13 compiles adam's own without the factor
                grads = [g + decay * p for g, p in zip(grads, parameters, strict=True)]
                options = {**options, "weight_decay": 0.0}
            first, second, steps = state
            # capturable: the step count stays a tensor, so that one graph serves all steps
            adam(parameters, grads, first, second, [], steps, capturable=True, **options)
        return value, extra

    graph = torch.compile(
        step,
        fullgraph=True,
        dynamic=False,
        options=_compiler_options(),
    )
    # A graph has Python numbers as constants; a schedule changes the learning rate: it is a tensor.
    lr = torch.empty((), device=parameters[0].device)

    def update(batch: Batch) -> tuple[Tensor, Any]:
        options = _options(optimizer)
        lr.fill_(options["lr"])
        return graph(_state(optimizer, parameters), {**options, "lr": lr}, batch)

    return update


def _is_nothing(extra: Any) -> bool:
    return isinstance(extra, tuple) and len(extra) == 0


def _compiler_options() -> dict[str, Any]:
    """Return the compiler options for a graph with gradients and Adam in it."""
    # Checking at each call whether the module has changed costs as much as the backward pass.
    # Shapes are still checked; attributes of the module count as fixed once training began.
    options: dict[str, Any] = {
        "guard_filter_fn": torch.compiler.skip_guard_on_all_nn_modules_unsafe
    }
    if Version(torch.__version__) < Version("2.12"):
        # It fails an assertion on CUDA, where gradients are summed next to Adam's lists of
        # tensors of several shapes: https://github.com/pytorch/pytorch/issues/176591
        options["loop_ordering_after_fusion"] = False
    return options


def _options(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the optimizer's hyperparameters as the functional `adam` names them."""
    group = optimizer.param_groups[0]
    beta1, beta2 = group["betas"]
    same = ("lr", "eps", "weight_decay", "decoupled_weight_decay", "amsgrad", "maximize")
    return {"beta1": beta1, "beta2": beta2, **{name: group[name] for name in same}}


def _state(optimizer: torch.optim.Optimizer, parameters: list[Tensor]) -> AdamState:
    """Return the moments and step counts from the optimizer's own, checkpointed state."""
    for parameter in parameters:
        state = optimizer.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
    states = [optimizer.state[parameter] for parameter in parameters]
    return AdamState(
        [state["exp_avg"] for state in states],
        [state["exp_avg_sq"] for state in states],
        [state["step"] for state in states],
    )
