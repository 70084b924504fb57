"""Let a decoder read some of its own words in training, as it will have to when it writes.

Scheduled sampling (Bengio et al., 2015), all steps at once: what is drawn after the true tokens
takes the place of some of them (Duckworth et al., 2019, with one pass; Mihaylova & Martins, 2019).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

STEEPNESS = 10.0  # of the sigmoid, over the budget


def sigmoid(progress: float) -> float:
    """Return the way from 0 to 1, slow at both ends."""
    low, high = (1 / (1 + math.exp(-STEEPNESS * (x - 0.5))) for x in (0.0, 1.0))
    return (1 / (1 + math.exp(-STEEPNESS * (progress - 0.5))) - low) / (high - low)


SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,
    "linear": lambda progress: progress,
    "sigmoid": sigmoid,
}


def fraction(final: float, schedule: str, progress: float) -> float:
    """Return the fraction of true tokens at a progress from 0 to 1, on its way from 1 to `final`;
    by "constant" it is `final` from the beginning on."""
    return 1 - (1 - final) * SCHEDULES[schedule](min(progress, 1.0))


def mixed(tokens: Tensor, logits: Tensor, fraction: float) -> Tensor:
    """Return what a decoder reads, [B, U]: of the true tokens [B, U], whose first one begins the
    sentence, that `fraction`, and elsewhere what is drawn from the logits [B, U, V] before."""
    drawn = torch.multinomial(logits.float().flatten(0, 1).softmax(-1), 1).view(tokens.shape)
    own = torch.cat([tokens[:, :1], drawn[:, :-1]], 1)
    true = torch.rand(tokens.shape, device=tokens.device) < fraction
    return tokens.where(true, own)
