"""Explore by noise in the weights, whose size is learned."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

SIGMA = 0.5  # initial deviation, times the root of the inputs


class NoisyLinear(nn.Module):
    """A linear layer with weights mu + sigma * noise, drawn anew in each forward pass in training;
    in evaluation the noise is 0.

    Fortunato et al., "Noisy networks for exploration" (2018), section 3: factorized Gaussian noise,
    a number for each input and one for each output, and initial weights as in section 3.2.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))
        self.weight_sigma = nn.Parameter(torch.full((outputs, inputs), SIGMA * bound))
        self.bias_sigma = nn.Parameter(torch.full((outputs,), SIGMA * bound))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return linear(x, self.weight, self.bias)
        before = scaled(torch.randn_like(self.weight[0]))
        behind = scaled(torch.randn_like(self.bias))
        weight = self.weight + self.weight_sigma * behind[:, None] * before
        return linear(x, weight, self.bias + self.bias_sigma * behind)


def scaled(noise: Tensor) -> Tensor:
    """Return sign(x) sqrt |x| of Gaussian noise."""
    return noise.sign() * noise.abs().sqrt()
