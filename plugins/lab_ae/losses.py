"""Compute what training minimizes: sums over dimensions, means over examples.

A mean over dimensions would weigh the KL divergence as many times as there are of them, and the
codes of a variational autoencoder would all become the prior.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

Distance = Callable[[Tensor, Tensor], Tensor]

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
LEAST = 1e-6  # of an activity, and of 1 less an activity


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the squared error of means [B, ...] by example []."""
    error = (outputs - targets).reshape(-1)
    return error.dot(error) / len(targets)


def cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the cross-entropy of logits with intensities [B, ...], in nats by example []."""
    return binary_cross_entropy_with_logits(outputs, targets, reduction="sum") / len(targets)


def gaussian(outputs: Tensor, targets: Tensor, log_sigma: Tensor) -> Tensor:
    """Return -log p(x) of targets [B, ...] around means, in nats by example []."""
    dimensions = targets[0].numel()
    error = squared_error(outputs, targets)
    return 0.5 * error * (-2 * log_sigma).exp() + dimensions * (log_sigma + HALF_LOG_2PI)


def kl_divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """Return KL(q || p) of normal distributions [B, Z] and the standard one, in nats [B] (Kingma
    and Welling, 2014, appendix B)."""
    return 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum(1)


def log_normal(x: Tensor, mean: Tensor, log_sigma: Tensor) -> Tensor:
    """Return log densities of x [..., D] under normal distributions, summed over D [...]."""
    scaled = (x - mean) * (-log_sigma).exp()
    return -(0.5 * scaled.square() + log_sigma + HALF_LOG_2PI).sum(-1)


def log_bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """Return log probabilities of bits [..., D], summed over D [...]. Intensities give the mean of
    those of bits that are drawn with them."""
    x = x.expand_as(logits)
    return -binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def sparsity(code: Tensor, target: float) -> Tensor:
    """Return KL(target || activity) [], summed over units, of the mean activities of sigmoid codes
    [B, Z] (Ng, "Sparse autoencoder", 2011)."""
    active = code.mean(0).clamp(LEAST, 1 - LEAST)
    rest = (1 - target) * ((1 - target) / (1 - active)).log()
    return (target * (target / active).log() + rest).sum()
