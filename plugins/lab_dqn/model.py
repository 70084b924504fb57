"""Build the Q-network: observations in, one value per action out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, relu

from lab.nn.screens import screen_convolutions
from lab_dqn.noisy import NoisyLinear
from lab_dqn.task import Task

MOST_ONE_HOT = 1_024  # states; more of them have rows of `EMBEDDED` numbers, which are learned
EMBEDDED = 16


class QNetwork(nn.Module):
    """Map observations [B, k, ...] to Q-values [B, A], or to N quantiles of the return, [B, A, N].

    Numbered states become one-hot vectors, or rows of a table where they are many. Vectors pass
    through hidden layers, pictures through the convolutions of Mnih et al. (2015) first. `dueling`
    splits the head into a value and advantages (Wang et al., 2016, equation 9). `layer_norm`
    normalizes each layer before its ReLU (Ba et al., "Layer normalization", 2016).
    """

    center: Tensor
    half_range: Tensor

    def __init__(
        self,
        task: Task,
        hidden: Sequence[int],
        dueling: bool = False,
        quantiles: int = 0,
        noisy: bool = False,
        layer_norm: bool = False,
    ) -> None:
        super().__init__()
        self.task, self.quantiles = task, quantiles
        self.embedding = nn.Embedding(task.states, EMBEDDED) if is_embedded(task) else None
        self.convolutions, features = _convolutions(task, layer_norm)
        sizes = [features, *hidden]
        layer = NoisyLinear if noisy else nn.Linear
        self.hidden = nn.ModuleList(map(layer, sizes[:-1], sizes[1:]))
        self.norms = nn.ModuleList(map(nn.LayerNorm, hidden if layer_norm else ()))
        self.advantage = layer(sizes[-1], task.actions * max(1, quantiles))
        self.value = layer(sizes[-1], max(1, quantiles)) if dueling else None
        self.scaled = bool(task.center)
        # from the task, not learned: no part of the weights
        for name in ("center", "half_range"):
            values = torch.tensor(getattr(task, name)).reshape(task.frame if self.scaled else 0)
            self.register_buffer(name, values, persistent=False)

    def forward(self, obs: Tensor) -> Tensor:
        x = self.features(obs)
        advantage: Tensor = self.advantage(x)
        if self.quantiles:
            advantage = advantage.unflatten(1, (self.task.actions, self.quantiles))
        if self.value is None:
            return advantage
        value: Tensor = self.value(x)
        if self.quantiles:
            value = value[:, None]
        return value + advantage - advantage.mean(dim=1, keepdim=True)

    def features(self, obs: Tensor) -> Tensor:
        """Return the input of the heads [B, H]."""
        x = self.prepare(obs)
        if self.convolutions is not None:
            x = self.convolutions(x)
        x = x.flatten(1)
        # without a Sequential: small networks are bound by dispatch
        for index, layer in enumerate(self.hidden):
            x = layer(x)
            x = relu(self.norms[index](x) if self.norms else x)
        return x

    def prepare(self, obs: Tensor) -> Tensor:
        """Turn stored observations [B, k, ...] into network input: scaled once, and only here."""
        if self.embedding is not None:
            rows: Tensor = self.embedding(obs.flatten(1))
            return rows
        if self.task.kind == "discrete":
            return one_hot(obs.flatten(1), self.task.states).float()
        if self.task.kind == "vector":
            return (obs - self.center) / self.half_range if self.scaled else obs
        if obs.dim() == 5:  # [B, k, H, W, C], or the channels first
            obs = (obs if self.task.channels_first else obs.movedim(-1, 2)).flatten(1, 2)
        return obs.float() / self.task.white  # [B, channels, H, W]


def is_embedded(task: Task) -> bool:
    """Tell whether the states have a table of rows."""
    return task.states > MOST_ONE_HOT


def _convolutions(task: Task, layer_norm: bool) -> tuple[nn.Sequential | None, int]:
    """Return the layers before the hidden ones, None for none, and how many features come out."""
    if task.kind == "discrete":
        return None, EMBEDDED if is_embedded(task) else task.states
    if task.kind == "vector":
        return None, task.stack * math.prod(task.frame)
    first, second, *third = task.frame
    height, width, *channels = (second, *third, first) if task.channels_first else task.frame
    planes = task.stack * math.prod(channels)
    return screen_convolutions(planes, height, width, layer_norm)
