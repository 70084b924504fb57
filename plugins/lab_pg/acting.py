"""Give the numbers of the actions' distribution for the observations of a step.

These are few rows at a time. Between steps of an environment torch's dispatch takes several times
as long as NumPy's products of the same parameters, whose memory they share.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from lab import Context
from lab.nn.shared_memory import shared
from lab_pg.model import ActorCritic

Array = np.ndarray[Any, np.dtype[Any]]
Outputs = Callable[[Array], Array]  # observations [B, ...] as networks take them -> [B, P]


def make_outputs(network: ActorCritic, ctx: Context) -> Outputs:
    """Return what gives the outputs [B, P] of a network that goes on learning."""
    exact = ctx.device.type == "cpu" and ctx.compute.precision == "fp32"
    return (
        NumpyActor(network) if exact and network.task.kind == "vector" else TorchActor(network, ctx)
    )


class TorchActor:
    """Outputs of any network, on any device."""

    def __init__(self, network: ActorCritic, ctx: Context) -> None:
        self.network, self.ctx = network, ctx

    @torch.no_grad()
    def __call__(self, obs: Array) -> Array:
        with self.ctx.autocast():
            outputs = self.network.policy(torch.from_numpy(obs).to(self.ctx.device))
        values: Array = outputs.cpu().numpy()
        return values


class NumpyActor:
    """Outputs of a network for vectors, in main memory."""

    def __init__(self, network: ActorCritic) -> None:
        linear = [layer for layer in network.actor if isinstance(layer, nn.Linear)]
        *self.hidden, self.last = map(shared, linear)
        log_std = network.log_std
        self.log_std = None if log_std is None else log_std.detach().numpy()

    def __call__(self, obs: Array) -> Array:
        with np.errstate(all="ignore"):  # a training that diverges is told of elsewhere
            x = obs.reshape(len(obs), -1)
            for weight, bias in self.hidden:
                x = np.tanh(x @ weight + bias)
            weight, bias = self.last
            outputs: Array = x @ weight + bias
            if self.log_std is None:
                return outputs
            return np.concatenate([outputs, np.broadcast_to(self.log_std, outputs.shape)], 1)
