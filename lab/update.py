"""Make the step that every gradient method repeats: loss, gradient, clipping, optimiser.

Small networks are bound by dispatch, not arithmetic, so `--compile` puts the whole step into one
graph: the gradient by `torch.func` and Adam (Kingma & Ba, 2015, algorithm 1) from its own state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value
from torch.nn.utils import get_total_norm
from torch.optim.adam import adam

from lab.device import Compute

Model = Callable[..., Any]
Loss = Callable[..., tuple[Tensor, Any]]
Update = Callable[..., tuple[Tensor, Any]]
ADAM_OPTIONS = ("betas", "eps", "weight_decay", "decoupled_weight_decay")


def make_update(
    compute: Compute,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    clip_norm: float | None = None,
) -> Update:
    """Return `update(*tensors) -> (loss, extra)`, which takes one optimiser step.

    `loss(model, *tensors)` returns the loss and anything else that the caller wants back, detached;
    it must reach the parameters through `model` alone.
    """
    if compute.compiled and compute.precision != "fp16" and _is_plain_adam(optimizer):
        return _compiled(compute, module, optimizer, loss, clip_norm)

    def update(*tensors: Tensor) -> tuple[Tensor, Any]:
        with compute.autocast():
            value, extra = loss(module, *tensors)
        compute.optimize(optimizer, value, clip_norm)
        return value.detach(), extra

    return update


def _is_plain_adam(optimizer: torch.optim.Optimizer) -> bool:
    """Tell whether the optimiser is an Adam or AdamW that `_compiled` computes."""
    if not isinstance(optimizer, torch.optim.Adam) or len(optimizer.param_groups) != 1:
        return False
    return not any(optimizer.param_groups[0][name] for name in ("amsgrad", "maximize"))


def _compiled(
    compute: Compute,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    loss: Loss,
    clip_norm: float | None,
) -> Update:
    names = [name for name, p in module.named_parameters() if p.requires_grad]
    parameters: list[Tensor] = [p for p in module.parameters() if p.requires_grad]

    def gradients(tensors: tuple[Tensor, ...]) -> tuple[list[Tensor], Tensor, Any]:
        def on_parameters(values: dict[str, Tensor]) -> tuple[Tensor, Any]:
            def model(*inputs: Tensor) -> Any:
                return functional_call(module, values, inputs)

            with compute.autocast():
                return loss(model, *tensors)

        values = dict(zip(names, (p.detach() for p in parameters), strict=True))
        found, (value, extra) = grad_and_value(on_parameters, has_aux=True)(values)
        return [found[name] for name in names], value, extra

    def step(
        state: tuple[list[Tensor], list[Tensor], list[Tensor]],
        options: Mapping[str, Any],
        *tensors: Tensor,
    ) -> tuple[Tensor, Any]:
        grads, value, extra = gradients(tensors)
        decay, decoupled = options["weight_decay"], options["decoupled_weight_decay"]
        with torch.no_grad():
            if clip_norm is not None:
                scale = (clip_norm / (get_total_norm(grads) + 1e-6)).clamp(max=1.0)
                grads = [grad * scale for grad in grads]
            if decay and not decoupled:  # here: torch 2.13 compiles adam's own without the factor
                grads = [g + decay * p for g, p in zip(grads, parameters, strict=True)]
            adam(
                parameters,
                grads,
                *state[:2],
                [],
                state[2],
                capturable=True,  # the step count stays a tensor: one graph serves all steps
                decoupled_weight_decay=decoupled,
                amsgrad=False,
                beta1=options["betas"][0],
                beta2=options["betas"][1],
                lr=options["lr"],
                weight_decay=decay if decoupled else 0.0,
                eps=options["eps"],
                maximize=False,
            )
        return value, extra

    graph = torch.compile(step, fullgraph=True, dynamic=False)
    # The graph holds numbers as they are. A schedule changes lr at every step: it is a tensor.
    lr = torch.empty((), device=parameters[0].device)

    def update(*tensors: Tensor) -> tuple[Tensor, Any]:
        group = optimizer.param_groups[0]
        options = {name: group[name] for name in ADAM_OPTIONS}
        lr.fill_(group["lr"])
        return graph(_adam_state(optimizer, parameters), {**options, "lr": lr}, *tensors)

    return update


def _adam_state(
    optimizer: torch.optim.Optimizer, parameters: list[Tensor]
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Return Adam's moments and step counts from the optimiser's own, checkpointed state."""
    for parameter in parameters:
        state = optimizer.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
    states = [optimizer.state[parameter] for parameter in parameters]
    return (
        [state["exp_avg"] for state in states],
        [state["exp_avg_sq"] for state in states],
        [state["step"] for state in states],
    )
