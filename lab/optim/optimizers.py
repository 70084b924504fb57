"""Make an optimiser from options: which parameters decay, and by which kernel it steps."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import nn

from lab.optim.options import OptimizerOptions

KINDS: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}
FUSED: Mapping[str, Collection[str]] = {  # the devices whose kernel takes all parameters at once
    "sgd": ("cpu", "cuda"),
    "adagrad": ("cpu",),
    "adam": ("cpu", "cuda"),
    "adamw": ("cpu", "cuda"),
}
MOMENTUM: Mapping[str, float] = {"sgd": 0.9, "rmsprop": 0.0}
UNDECAYED = (
    "bias",
    "cls_token",
    "class_token",
    "mask_token",
    "pos_embed",
    "pos_embedding",
    "position",
    "wpe",
)


def make_optimizer(
    module: nn.Module,
    options: OptimizerOptions,
    *,
    undecayed: Collection[str] = UNDECAYED,
    **arguments: Any,
) -> torch.optim.Optimizer:
    """Return the optimiser of the parameters that require gradients, for a module that is on its
    device.

    Only parameters of two or more dimensions decay, and none that has a word of `undecayed` as a
    part of its qualified name. Without weight decay there is one group of parameters: `make_update`
    steps a plain Adam of one group by its kernel. `arguments` go to the class of torch: `betas`.
    """
    kind = options.optimizer
    if kind in MOMENTUM:
        arguments["momentum"] = MOMENTUM[kind] if options.momentum is None else options.momentum
    if kind == "sgd":
        arguments["nesterov"] = options.nesterov
    groups = decay_groups(module, options.weight_decay, undecayed)
    devices = {p.device.type for group in groups for p in group["params"]}
    arguments.setdefault("fused", devices <= set(FUSED.get(kind, ())))
    if kind not in FUSED:
        del arguments["fused"]
    arguments["weight_decay"] = groups[0]["weight_decay"] if len(groups) == 1 else 0.0
    return KINDS[kind](groups, lr=options.lr, **arguments)


def decay_groups(
    module: nn.Module, weight_decay: float, undecayed: Collection[str] = UNDECAYED
) -> list[dict[str, Any]]:
    """Part the parameters that require gradients into those that decay and those that do not; one
    group where nothing decays. Raises ValueError where there is none to train."""
    trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
    if not trained:
        raise ValueError("the module has no parameter that requires a gradient")
    if weight_decay == 0:
        return [{"params": list(trained.values()), "weight_decay": 0.0}]
    decayed = [name for name in trained if decays(name, trained[name], undecayed)]
    kept = [name for name in trained if name not in set(decayed)]
    parts = ((decayed, weight_decay), (kept, 0.0))
    return [
        {"params": [trained[name] for name in names], "weight_decay": decay}
        for names, decay in parts
        if names
    ]


def decays(name: str, parameter: nn.Parameter, undecayed: Collection[str] = UNDECAYED) -> bool:
    """Tell whether a parameter decays: matrices and filters do, norms, biases, tokens and
    positions do not."""
    return parameter.dim() >= 2 and not set(name.split(".")) & set(undecayed)
