"""Make of a network's outputs the distribution of actions: discrete ones, or continuous ones.

Outputs are [B, P], actions [B, D]: D actions are taken at once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

FORBIDDEN = -1e9  # a logit whose probability is 0; with -inf the entropy would be no number
LOG_2_PI = math.log(2 * math.pi)


class Actions(Protocol):
    """A family of distributions; `outputs` is how many numbers P describe one."""

    outputs: int

    def sample(self, outputs: Tensor) -> Tensor: ...
    def mode(self, outputs: Tensor) -> Tensor: ...
    def log_prob_and_entropy(self, outputs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Return log probabilities of actions [B], and entropies [B] in nats."""


class Categorical:
    """D independent choices, of `choices[d]` alternatives each; outputs are all their logits."""

    def __init__(self, choices: Sequence[int]) -> None:
        self.choices = list(choices)
        self.outputs = sum(choices)

    def sample(self, outputs: Tensor) -> Tensor:
        """Draw by the largest of the logits, each with noise of Gumbel's distribution added, which
        takes a third of the time of `torch.multinomial` (Yellott, 1977)."""
        uniform = torch.rand_like(outputs).clamp_(min=torch.finfo(outputs.dtype).tiny)
        return self.mode(outputs - uniform.log_().neg_().log_())

    def mode(self, outputs: Tensor) -> Tensor:
        return torch.stack(
            [part.argmax(1) for part in outputs.split_with_sizes(self.choices, 1)], 1
        )

    def log_prob_and_entropy(self, outputs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        parts = [log_softmax(part, 1) for part in self._parts(outputs)]
        chosen = zip(parts, action.split(1, 1), strict=True)
        log_prob = torch.cat([part.gather(1, index) for part, index in chosen], 1).sum(1)
        entropies = [-(part.exp() * part).sum(1) for part in parts]
        return log_prob, torch.stack(entropies, 1).sum(1)

    def _parts(self, outputs: Tensor) -> Sequence[Tensor]:
        return outputs.split_with_sizes(self.choices, 1)


class DiagonalGaussian:
    """D independent numbers; outputs are their means, then the logarithms of their stds."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.outputs = 2 * size

    def sample(self, outputs: Tensor) -> Tensor:
        mean, log_std = self._parts(outputs)
        return mean + log_std.exp() * torch.randn_like(mean)

    def mode(self, outputs: Tensor) -> Tensor:
        return self._parts(outputs)[0]

    def log_prob_and_entropy(self, outputs: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Return log densities of actions [B], and differential entropies [B] in nats."""
        mean, log_std = self._parts(outputs)
        z = (action - mean) / log_std.exp()
        log_prob = -(z.square() / 2 + log_std + LOG_2_PI / 2).sum(1)
        return log_prob, (log_std + (1 + LOG_2_PI) / 2).sum(1)

    def _parts(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return outputs[:, : self.size], outputs[:, self.size :]


def forbid(outputs: Tensor, mask: Tensor) -> Tensor:
    """Return logits [B, P] with no probability where the mask [B, P] is False."""
    return outputs.masked_fill(~mask, FORBIDDEN)
