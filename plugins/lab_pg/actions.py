"""Make of a network's outputs the distribution of actions: discrete ones, or continuous ones.

Outputs are [B, P], actions [B, D]: D actions are taken at once. They are taken in NumPy, as
environments want them, and learned from in torch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import log_softmax

Array = np.ndarray[Any, np.dtype[Any]]

FORBIDDEN = -1e9  # a logit whose probability is 0; with -inf the entropy would be no number
LOG_2_PI = math.log(2 * math.pi)


class Actions(Protocol):
    """A family of distributions; `outputs` is how many numbers P describe one."""

    outputs: int

    def sample(self, outputs: Array, rng: np.random.Generator) -> Array: ...
    def mode(self, outputs: Array) -> Array: ...
    def log_prob_and_entropy(self, outputs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Return log probabilities of actions [B], and entropies [B] in nats."""


class Categorical:
    """D independent choices, of `choices[d]` alternatives each; outputs are all their logits."""

    def __init__(self, choices: Sequence[int]) -> None:
        self.choices = list(choices)
        self.outputs = sum(choices)
        self.ends = np.cumsum(choices)[:-1].tolist()  # of the logits of all but the last

    def sample(self, outputs: Array, rng: np.random.Generator) -> Array:
        """Draw by the largest of the logits, each with noise of Gumbel's distribution added, which
        is as to draw by the probabilities (Yellott, 1977)."""
        return self.mode(outputs + rng.gumbel(size=outputs.shape))

    def mode(self, outputs: Array) -> Array:
        parts = np.split(outputs, self.ends, 1) if self.ends else [outputs]
        return np.stack([part.argmax(1) for part in parts], 1)

    def log_prob_and_entropy(self, outputs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        parts = [log_softmax(part, 1) for part in outputs.split_with_sizes(self.choices, 1)]
        chosen = zip(parts, action.split(1, 1), strict=True)
        log_prob = torch.cat([part.gather(1, index) for part, index in chosen], 1).sum(1)
        entropies = [-(part.exp() * part).sum(1) for part in parts]
        return log_prob, torch.stack(entropies, 1).sum(1)


class DiagonalGaussian:
    """D independent numbers; outputs are their means, then the logarithms of their stds."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.outputs = 2 * size

    def sample(self, outputs: Array, rng: np.random.Generator) -> Array:
        mean, log_std = outputs[:, : self.size], outputs[:, self.size :]
        return mean + np.exp(log_std) * rng.standard_normal(mean.shape, np.float32)

    def mode(self, outputs: Array) -> Array:
        return outputs[:, : self.size]

    def log_prob_and_entropy(self, outputs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Return log densities of actions [B], and differential entropies [B] in nats."""
        mean, log_std = outputs.tensor_split([self.size], 1)
        z = (action - mean) / log_std.exp()
        log_prob = -(z.square() / 2 + log_std + LOG_2_PI / 2).sum(1)
        return log_prob, (log_std + (1 + LOG_2_PI) / 2).sum(1)


def forbid(outputs: Tensor, mask: Tensor) -> Tensor:
    """Return logits [B, P] with no probability where the mask [B, P] is False."""
    return outputs.masked_fill(~mask, FORBIDDEN)
