"""Name the optimizers, and make one from options: which parameters decay, by which kernel it steps.

Nothing heavy is imported: the names are an option's choices.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.spec import import_object

if TYPE_CHECKING:
    import torch
    from torch import nn

    from lab.optim.options import OptimizerOptions

EXEMPT = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")  # from compiling


class Optimizer(NamedTuple):
    """An optimizer by reference, the devices whose kernel takes all parameters at once, the
    momentum that it has by default, if it takes any, and what parts the parameters into groups."""

    reference: str
    fused: tuple[str, ...] = ()
    momentum: float | None = None
    groups: str = "lab.optim.optimizers:decay_groups"


OPTIMIZERS: Mapping[str, Optimizer] = {
    "sgd": Optimizer("torch.optim:SGD", ("cpu", "cuda"), 0.9),
    "rmsprop": Optimizer("torch.optim:RMSprop", momentum=0.0),
    "adagrad": Optimizer("torch.optim:Adagrad", ("cpu",)),
    "adam": Optimizer("torch.optim:Adam", ("cpu", "cuda")),
    "adamw": Optimizer("torch.optim:AdamW", ("cpu", "cuda")),
    "radam": Optimizer("torch.optim:RAdam"),
    "muon": Optimizer(
        "lab.optim.muon:Muon", ("cpu", "cuda"), 0.95, groups="lab.optim.muon:muon_groups"
    ),
}
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
    """Return the optimizer of the parameters that require gradients, for a module that is on its
    device.

    Only parameters of two or more dimensions decay, and none that has a word of `undecayed` as a
    part of its qualified name. Without weight decay Adam has one group of parameters: `make_update`
    steps a plain Adam of one group by its kernel. `arguments` go to the class of torch: `betas`.
    """
    _leave_the_compiler_out()
    kind = OPTIMIZERS[options.optimizer]
    if kind.momentum is not None:
        arguments["momentum"] = kind.momentum if options.momentum is None else options.momentum
    if options.nesterov:
        arguments["nesterov"] = True
    groups = import_object(kind.groups)(module, options.weight_decay, undecayed)
    devices = {p.device.type for group in groups for p in group["params"]}
    if kind.fused:
        arguments.setdefault("fused", devices <= set(kind.fused))
    arguments["weight_decay"] = groups[0]["weight_decay"] if len(groups) == 1 else 0.0
    made: torch.optim.Optimizer = import_object(kind.reference)(groups, lr=options.lr, **arguments)
    return made


def _leave_the_compiler_out() -> None:
    """Let optimizers do without torch's compiler, whose import takes as long as that of torch: some
    of their methods exempt themselves from it when first called. No graph calls those."""
    import torch

    for name in EXEMPT:
        method = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
        if method is not None:
            vars(method).setdefault("__dynamo_disable", method)  # where torch keeps the exempt one


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
