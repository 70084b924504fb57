"""Build the Q-network: observations in, one value per action out."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from lab_dqn.task import Task

NATURE_MIN_SIDE = 36  # smaller pictures do not survive its three strides


class QNetwork(nn.Module):
    """Map observations [B, k, ...] to Q-values [B, A].

    Vectors pass through hidden layers, pictures through the convolutions of Mnih et al. (2015)
    first. `dueling` splits the head into a value and advantages (Wang et al., 2016, equation 9).
    """

    def __init__(self, task: Task, hidden: Sequence[int], dueling: bool) -> None:
        super().__init__()
        self.task = task
        self.encoder, features = _encoder(task)
        self.body, features = _layers(features, hidden)
        self.advantage = nn.Linear(features, task.actions)
        self.value = nn.Linear(features, 1) if dueling else None

    def forward(self, obs: Tensor) -> Tensor:
        x = self.body(self.encoder(self.prepare(obs)))
        advantage: Tensor = self.advantage(x)
        if self.value is None:
            return advantage
        value: Tensor = self.value(x)
        return value + advantage - advantage.mean(dim=1, keepdim=True)

    def prepare(self, obs: Tensor) -> Tensor:
        """Turn stored observations [B, k, ...] into network input: scaled once, and only here."""
        if self.task.kind == "discrete":
            return one_hot(obs.flatten(1), self.task.states).float()
        if self.task.kind == "vector":
            return obs.float()
        if obs.dim() == 5:  # [B, k, H, W, C]
            obs = obs.movedim(-1, 2).flatten(1, 2)
        return obs.float() / 255.0  # [B, channels, H, W]


def _encoder(task: Task) -> tuple[nn.Module, int]:
    if task.kind == "discrete":
        return nn.Flatten(), task.states
    if task.kind == "vector":
        return nn.Flatten(), task.stack * math.prod(task.frame)
    height, width, *channels = task.frame
    planes = task.stack * math.prod(channels)
    small = min(height, width) < NATURE_MIN_SIDE
    convolutions = _small_convolution(planes) if small else _nature_convolutions(planes)
    with torch.no_grad():
        features = convolutions(torch.zeros(1, planes, height, width)).shape[1]
    return convolutions, int(features)


def _nature_convolutions(planes: int) -> nn.Sequential:
    """The three layers of Mnih et al. (2015), methods: model architecture."""
    return nn.Sequential(
        nn.Conv2d(planes, 32, 8, stride=4),
        nn.ReLU(),
        nn.Conv2d(32, 64, 4, stride=2),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, stride=1),
        nn.ReLU(),
        nn.Flatten(),
    )


def _small_convolution(planes: int) -> nn.Sequential:
    """The one layer that Young and Tian (2019) use for 10 x 10 pictures."""
    return nn.Sequential(nn.Conv2d(planes, 16, 3, padding=1), nn.ReLU(), nn.Flatten())


def _layers(features: int, hidden: Sequence[int]) -> tuple[nn.Sequential, int]:
    layers: list[nn.Module] = []
    for units in hidden:
        layers += [nn.Linear(features, units), nn.ReLU()]
        features = units
    return nn.Sequential(*layers), features
