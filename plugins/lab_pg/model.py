"""Build the actor and the critic: observations in, a distribution's numbers and a value out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from lab.nn.screens import screen_convolutions
from lab_pg.task import Task

FIRST_POLICY = 0.01  # gain of the last layer of the actor: all actions are about as likely at first


class ActorCritic(nn.Module):
    """Map observations [B, ...] to the numbers of the actions' distribution [B, P], and to values
    [B]; None without a critic.

    Actor and critic have hidden layers of their own, with tanh. Pictures pass through convolutions
    that they share; numbered states are the rows of each one's first layer, as one-hot vectors
    would choose them. Weights are orthogonal at first, of gain sqrt 2, and 0.01 before the policy.
    The standard deviation of continuous actions does not depend on the state.
    """

    def __init__(
        self, task: Task, hidden: Sequence[int], log_std: float, critic: bool = True
    ) -> None:
        super().__init__()
        self.task = task
        self.convolutions, features = _convolutions(task)
        continuous = not task.choices
        size = math.prod(task.shape) if continuous else sum(task.choices)
        self.actor = _layers(task, (features, *hidden, size), FIRST_POLICY)
        self.log_std = nn.Parameter(torch.full((size,), log_std)) if continuous else None
        self.critic = _layers(task, (features, *hidden, 1), 1.0) if critic else None
        if self.convolutions is not None:
            _draw(self.convolutions)

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor | None]:
        x = self.features(obs)
        value = None if self.critic is None else self.critic(x)[:, 0].float()
        return self._outputs(x), value

    def policy(self, obs: Tensor) -> Tensor:
        """Return the distribution's numbers [B, P] alone: to act takes no value."""
        return self._outputs(self.features(obs))

    def _outputs(self, x: Tensor) -> Tensor:
        outputs: Tensor = self.actor(x).float()
        if self.log_std is None:
            return outputs
        return torch.cat([outputs, self.log_std.expand_as(outputs)], 1)

    def features(self, obs: Tensor) -> Tensor:
        """Return what the first layers take of observations as they are stored [B, ...]."""
        if self.task.kind == "discrete":
            return obs
        if self.convolutions is None:
            return obs.flatten(1)
        if obs.dim() == 3:  # [B, H, W]
            obs = obs.unsqueeze(1)
        elif not self.task.channels_first:
            obs = obs.movedim(-1, 1)
        pixels: Tensor = self.convolutions(obs.float() / self.task.white)
        return pixels.flatten(1)


def _layers(task: Task, sizes: Sequence[int], last_gain: float) -> nn.Sequential:
    """Return a network of those sizes; states that are numbers choose rows of its first layer."""
    states = task.kind == "discrete"
    layers: list[nn.Module] = [
        nn.Embedding(a, b) if states and index == 0 else nn.Linear(a, b)
        for index, (a, b) in enumerate(pairwise(sizes))
    ]
    network = nn.Sequential(layers[0], *(p for layer in layers[1:] for p in (nn.Tanh(), layer)))
    _draw(network)
    nn.init.orthogonal_(layers[-1].weight, last_gain)  # type: ignore[arg-type]
    return network


def _draw(network: nn.Module) -> None:
    """Make weights orthogonal and biases 0."""
    for layer in network.modules():
        if isinstance(layer, (nn.Linear, nn.Conv2d, nn.Embedding)):
            nn.init.orthogonal_(layer.weight, math.sqrt(2))
            if (bias := getattr(layer, "bias", None)) is not None:
                nn.init.zeros_(bias)


def _convolutions(task: Task) -> tuple[nn.Sequential | None, int]:
    """Return the layers before the hidden ones, None for none, and how many features come out."""
    if task.kind == "discrete":
        return None, task.states
    if task.kind == "vector":
        return None, math.prod(task.frame)
    first, second, *third = task.frame
    height, width, *channels = (second, *third, first) if task.channels_first else task.frame
    return screen_convolutions(math.prod(channels), height, width)
