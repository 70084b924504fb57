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
    def log_prob(self, outputs: Tensor, action: Tensor) -> Tensor: ...
    def entropy(self, outputs: Tensor) -> Tensor: ...


class Categorical:
    """D independent choices, of `choices[d]` alternatives each; outputs are all their logits."""

    def __init__(self, choices: Sequence[int]) -> None:
        self.choices = list(choices)
        self.outputs = sum(choices)

    def sample(self, outputs: Tensor) -> Tensor:
        drawn = [torch.multinomial(p.exp(), 1) for p in self._log_probs(outputs)]
        return torch.cat(drawn, 1)

    def mode(self, outputs: Tensor) -> Tensor:
        return torch.stack([part.argmax(1) for part in outputs.split(self.choices, 1)], 1)

    def log_prob(self, outputs: Tensor, action: Tensor) -> Tensor:
        """Return log probabilities [B] of actions [B, D]."""
        parts = zip(self._log_probs(outputs), action.split(1, 1), strict=True)
        return torch.cat([part.gather(1, chosen) for part, chosen in parts], 1).sum(1)

    def entropy(self, outputs: Tensor) -> Tensor:
        """Return entropies [B] in nats."""
        each = [-(part.exp() * part).sum(1) for part in self._log_probs(outputs)]
        return torch.stack(each, 1).sum(1)

    def _log_probs(self, outputs: Tensor) -> list[Tensor]:
        return [log_softmax(part, 1) for part in outputs.split(self.choices, 1)]


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

    def log_prob(self, outputs: Tensor, action: Tensor) -> Tensor:
        """Return log densities [B] of actions [B, D]."""
        mean, log_std = self._parts(outputs)
        z = (action - mean) / log_std.exp()
        return -(z.square() / 2 + log_std + LOG_2_PI / 2).sum(1)

    def entropy(self, outputs: Tensor) -> Tensor:
        """Return differential entropies [B] in nats."""
        return (self._parts(outputs)[1] + (1 + LOG_2_PI) / 2).sum(1)

    def _parts(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        return outputs[:, : self.size], outputs[:, self.size :]


def forbid(outputs: Tensor, mask: Tensor) -> Tensor:
    """Return logits [B, P] with no probability where the mask [B, P] is False."""
    return outputs.masked_fill(~mask, FORBIDDEN)
