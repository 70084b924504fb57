"""Begin with somebody's weights: those of another run, pretrained or not."""

from __future__ import annotations

from torch import nn

import lab
from lab.nn.pretrained import copy_weights, load_weights
from lab_transformer.config import Config

HEAD = "head"


def begin(network: nn.Module, config: Config, ctx: lab.Context) -> nn.Module:
    """Return the network, with the weights of `--init-from` where there are any. A head that does
    not fit begins anew.

    They are read once, at a run's start: when it goes on, its own checkpoint has what it has
    learned since, and the file may be gone.
    """

    def copy(reference: str) -> list[str]:
        weights = load_weights(reference, ctx.dir.parent)
        head = {n: v.shape for n, v in network.state_dict().items() if n.startswith(f"{HEAD}.")}
        there = {n: v.shape for n, v in weights.items() if n.startswith(f"{HEAD}.")}
        anew = [] if there == head else [f"{HEAD}."]
        copy_weights(network, weights, tuple(anew))
        return anew

    origin = config.init_from
    if origin is not None:
        ctx.run_constant("heads that begin anew", lambda: copy(origin))
    return network
