"""Make the step that every gradient method repeats: loss, gradient, clipping, optimizer.

Small networks are bound by dispatch, not arithmetic: torch's optimizer wrapper and a clipping pass
over all gradients cost as much as the backward pass. So a plain Adam (Kingma & Ba, 2015, algorithm
1) is called by its kernel, which clips as it goes; `--compile` puts what is before it, the loss,
its gradient and the gradient's norm, into one graph. The optimizer's own state is kept: checkpoints
are those of `torch.optim.Adam`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from packaging.version import Version
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.optim.adam import adam

from lab.compute.device import Compute
from lab.data.batches import Batch

KERNELS = ("cpu", "cuda")  # devices that have Adam as a kernel
NOTHING = ()  # for None, which `grad_and_value` does not take as an auxiliary output
Loss = Callable[[Any, Batch], tuple[Tensor, Any]]  # model, batch -> loss [], anything else
Update = Callable[[Batch], tuple[Tensor, Any]]
# batch -> gradients, the divisor that clips them, the loss, anything else
Backward = Callable[[Batch], tuple[Sequence[Tensor], Tensor | None, Tensor, Any]]


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
    if (
        compute.precision != "fp16"
        and _is_plain_adam(optimizer)
        and (optimizer.param_groups[0]["fused"] or (compiled and compute.device.type in KERNELS))
    ):
        return _by_kernel(compute, module, optimizer, loss, clip_norm, compiled)

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


def clip_divisor(grads: Sequence[Tensor], clip_norm: float | None) -> Tensor | None:
    """Return the divisor of gradients that brings their joint norm to at most `clip_norm`, if there
    is one: the inverse of the factor of `torch.nn.utils.clip_grad_norm_`, as the kernel takes it.
    """
    if clip_norm is None:
        return None
    # torch.nn.utils.get_total_norm, without sorting by device and dtype, which are one here
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tuple(grads))))
    divisor: Tensor = ((norm + 1e-6) / clip_norm).clamp(min=1.0)
    return divisor


def _is_plain_adam(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether the optimizer is an Adam or AdamW that the functions below compute."""
    if not isinstance(optimizer, torch.optim.Adam) or len(optimizer.param_groups) != 1:
        return False
    return not any(optimizer.param_groups[0][name] for name in ("amsgrad", "maximize"))


def _by_kernel(
    compute: Compute,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    clip_norm: float | None,
    compiled: bool,
) -> Update:
    parameters: list[Tensor] = [p for p in module.parameters() if p.requires_grad]
    backward = (_graph if compiled else _eager)(compute, module, parameters, loss, clip_norm)

    def update(batch: Batch) -> tuple[Tensor, Any]:
        unordered, divisor, value, extra = backward(batch)
        grads = [_laid_out_as(p, g) for p, g in zip(parameters, unordered, strict=True)]
        state, options = _state(optimizer, parameters), _options(optimizer)
        with torch.no_grad():
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
        return value, extra

    return update


def _eager(
    compute: Compute,
    module: nn.Module,
    parameters: list[Tensor],
    loss: Loss,
    clip_norm: float | None,
) -> Backward:
    def backward(batch: Batch) -> tuple[Sequence[Tensor], Tensor | None, Tensor, Any]:
        with compute.autocast():
            value, extra = loss(module, batch)
        grads = torch.autograd.grad(value, parameters)
        with torch.no_grad():
            return grads, clip_divisor(grads, clip_norm), value.detach(), extra

    return backward


def _laid_out_as(parameter: Tensor, grad: Tensor) -> Tensor:
    """Return `grad` in the memory order of `parameter`: the fused kernel walks both as they lie."""
    if grad.stride() == parameter.stride():
        return grad
    return torch.empty_like(parameter).copy_(grad)


def _graph(
    compute: Compute,
    module: nn.Module,
    parameters: list[Tensor],
    loss: Loss,
    clip_norm: float | None,
) -> Backward:
    """Return the backward pass as one graph. Adam stays out of it: its kernel takes a third of the
    time of what torch 2.13 compiles for the CPU, where the bias corrections, two powers, are
    computed anew for every 16 parameters.
    """
    names = [name for name, p in module.named_parameters() if p.requires_grad]

    def backward(batch: Batch) -> tuple[Sequence[Tensor], Tensor | None, Tensor, Any]:
        def on_parameters(values: dict[str, Tensor]) -> tuple[Tensor, Any]:
            def model(*inputs: Tensor) -> Any:
                return functional_call(module, values, inputs)

            with compute.autocast():
                value, extra = loss(model, batch)
            return value, NOTHING if extra is None else extra

        values = dict(zip(names, (p.detach() for p in parameters), strict=True))
        by_name, (value, extra) = grad_and_value(on_parameters, has_aux=True)(values)
        grads = [by_name[name] for name in names]
        with torch.no_grad():
            divisor = clip_divisor(grads, clip_norm)
        return grads, divisor, value, None if _is_nothing(extra) else extra

    graph: Backward = torch.compile(
        backward,
        fullgraph=True,
        dynamic=False,
        options=_compiler_options(),
    )
    return graph


def _is_nothing(extra: Any) -> bool:
    return isinstance(extra, tuple) and len(extra) == 0


def _compiler_options() -> dict[str, Any]:
    """Return the compiler options for a graph with gradients in it."""
    # Checking at each call whether the module has changed costs as much as the backward pass.
    # Shapes are still checked; attributes of the module count as fixed once training began.
    options: dict[str, Any] = {
        "guard_filter_fn": torch.compiler.skip_guard_on_all_nn_modules_unsafe
    }
    if Version(torch.__version__) < Version("2.12"):
        # It fails an assertion on CUDA, where gradients are summed next to lists of tensors
        # of several shapes: https://github.com/pytorch/pytorch/issues/176591
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
