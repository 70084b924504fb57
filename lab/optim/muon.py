"""Step hidden matrices by Muon and everything else by AdamW, as one optimizer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from lab.optim.optimizers import UNDECAYED, decay_groups, decays

HEAD = "head"  # what the last layer is called: its rows are classes, which AdamW steps


class Muon(torch.optim.Optimizer):
    """Muon (Jordan et al., 2024) for groups with `matrices`: their momentum is orthogonalized, so
    that all directions step alike; AdamW for the other groups.

    One learning rate serves both: steps of a matrix are scaled to the size of AdamW's (Liu et al.,
    2025, section 2.2). momentum is Muon's. State and groups are torch's own, of both in one
    checkpoint.
    """

    def __init__(
        self,
        groups: Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        fused: bool = False,
    ) -> None:
        super().__init__(groups, {"lr": lr, "weight_decay": weight_decay, "matrices": False})
        self._parts: dict[bool, torch.optim.Optimizer] = {}
        if matrices := self._groups(True):
            self._parts[True] = torch.optim.Muon(
                matrices, lr, weight_decay, momentum, adjust_lr_fn="match_rms_adamw"
            )
        if others := self._groups(False):
            self._parts[False] = torch.optim.AdamW(
                others, lr, weight_decay=weight_decay, fused=fused
            )
        self._share()

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take one step on the gradients that there are, or that `closure` computes with the loss
        that it returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts.values():
            part.step()
        return loss

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        super().load_state_dict(dict(state_dict))
        self._share()

    def _groups(self, matrices: bool) -> list[dict[str, Any]]:
        return [group for group in self.param_groups if group["matrices"] == matrices]

    def _share(self) -> None:
        """Let both step by the groups and the state of this one, which are set and saved."""
        for matrices, part in self._parts.items():
            part.param_groups, part.state = self._groups(matrices), self.state


def muon_groups(
    module: nn.Module, weight_decay: float, undecayed: Collection[str] = UNDECAYED
) -> list[dict[str, Any]]:
    """Part the parameters that require gradients: matrices of hidden layers, which decay; the rest
    as `decay_groups` does, but for embeddings, which do not decay. Raises ValueError where there is
    none to train."""
    decay_groups(module, weight_decay, undecayed)  # says where there is none
    embeddings = {id(part.weight) for part in module.modules() if isinstance(part, nn.Embedding)}
    parts: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            decayed = decays(name, parameter, undecayed) and id(parameter) not in embeddings
            matrix = decayed and parameter.dim() == 2 and HEAD not in name.split(".")
            parts.setdefault((matrix, weight_decay * decayed), []).append(parameter)
    return [
        {"params": parameters, "weight_decay": decay, "matrices": matrix}
        for (matrix, decay), parameters in parts.items()
    ]
