"""Give Q-values of the observations of a step: what acting, evaluation and prediction ask for.

These are few rows at a time. For one row of a small network torch's dispatch takes three times as
long as NumPy's products of the same parameters, whose memory they share, and it is asked at every
step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from lab_dqn.model import QNetwork
from lab_dqn.returns import Returns

Array = np.ndarray[Any, np.dtype[Any]]
Q = Callable[[Array], Array]  # observations [B, ...] as an environment gives them -> [B, A]


def make_q(network: QNetwork, returns: Returns, device: torch.device) -> Q:
    """Return what gives Q-values [B, A] of a network that goes on learning."""
    layers = (*network.hidden, network.advantage)
    plain = network.task.kind == "vector" and all(type(layer) is nn.Linear for layer in layers)
    if plain and not network.quantiles and device.type == "cpu":
        return NumpyQ(network)
    return TorchQ(network, returns, device)


class TorchQ:
    """Q-values of any network, on any device."""

    def __init__(self, network: QNetwork, returns: Returns, device: torch.device) -> None:
        self.network, self.returns, self.device = network, returns, device

    @torch.no_grad()
    def __call__(self, obs: Array) -> Array:
        task = self.network.task
        x = torch.from_numpy(obs).to(self.device, task.torch_dtype)
        outputs = self.network(x.unsqueeze(1) if task.stack == 1 else x)
        values: Array = self.returns.q(outputs).cpu().numpy()
        return values


class NumpyQ:
    """Q-values of a network of linear layers, for vectors, in main memory."""

    def __init__(self, network: QNetwork) -> None:
        self.hidden = [_shared(layer) for layer in network.hidden]
        self.advantage = _shared(network.advantage)
        self.value = _shared(network.value) if network.value is not None else None
        self.center = network.center.numpy() if network.scaled else None
        self.half_range = network.half_range.numpy()

    def __call__(self, obs: Array) -> Array:
        with np.errstate(all="ignore"):  # a training that diverges is told of elsewhere
            x = np.asarray(obs, np.float32)
            if self.center is not None:
                x = (x - self.center) / self.half_range
            x = x.reshape(len(x), -1)
            for weight, bias in self.hidden:
                x = np.maximum(x @ weight + bias, 0)
            weight, bias = self.advantage
            advantage: Array = x @ weight + bias
            if self.value is None:
                return advantage
            weight, bias = self.value
            values: Array = x @ weight + bias + advantage - advantage.mean(1, keepdims=True)
            return values


def _shared(layer: Any) -> tuple[Array, Array]:
    """Return a layer's weight [in, out] and bias, without a copy: they change as it learns."""
    return layer.weight.detach().numpy().T, layer.bias.detach().numpy()
