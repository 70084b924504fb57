"""What a perfect network answers for a mixture of Gaussians, by torch.distributions alone: the
score is differentiated from the density of x_t, which is a mixture again."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

CENTERS = torch.tensor([[-1.5, 0.5], [0.0, -1.0], [1.5, 0.5]], dtype=torch.float64)
STD = torch.tensor([0.2, 0.1], dtype=torch.float64)
WEIGHTS = torch.tensor([1 / 3, 1 / 3, 1 / 3], dtype=torch.float64)
MEAN = (WEIGHTS[:, None] * CENTERS).sum(0)
VARIANCE = (WEIGHTS[:, None] * (CENTERS - MEAN).square()).sum(0) + STD.square()


def density(alpha: float, sigma: float) -> MixtureSameFamily:
    """Return the distribution of x_t = alpha x_0 + sigma noise."""
    spread = ((alpha * STD).square() + sigma**2).sqrt().expand_as(CENTERS)
    return MixtureSameFamily(Categorical(WEIGHTS), Independent(Normal(alpha * CENTERS, spread), 1))


@torch.enable_grad()
def score(x: Tensor, alpha: float, sigma: float) -> Tensor:
    """Return the gradient of log p(x_t) [B, 2]."""
    x = x.detach().double().requires_grad_()
    (gradient,) = torch.autograd.grad(density(alpha, sigma).log_prob(x).sum(), x)
    return gradient


def noise(x: Tensor, alpha: float, sigma: float) -> Tensor:
    """Return E[noise | x_t] = -sigma score (Vincent, 2011)."""
    return -sigma * score(x, alpha, sigma)


def clean(x: Tensor, alpha: float, sigma: float) -> Tensor:
    """Return E[x_0 | x_t], by Tweedie's formula."""
    return (x.double() + sigma**2 * score(x, alpha, sigma)) / alpha
