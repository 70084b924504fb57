"""Bound the log-likelihood of a model with hidden variables from below, by sampling them.

    ELBO = E[log w],  IWAE_k = E[log (w_1 + ... + w_k) / k],  w = p(x|z) p(z) / q(z|x)

(Kingma and Welling, 2014, equation 2; Burda et al., 2016, equation 8). The second is tighter the
more samples there are, and the log-likelihood itself in the limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

Density = Callable[[Tensor, Tensor], Tensor]


class Bounds(NamedTuple):
    """elbo, iwae [B] in nats. ess [B]: how many of the samples count, from 1 to all of them."""

    elbo: Tensor
    iwae: Tensor
    ess: Tensor


def log_mean_exp(values: Tensor, dim: int = 0) -> Tensor:
    """Return log mean exp(values) along `dim`, without overflow."""
    return values.logsumexp(dim) - math.log(values.shape[dim])


@torch.no_grad()
def bounds_of(
    x: Tensor,
    draw: Callable[[Tensor, int], Tensor],
    log_likelihood: Density,
    log_prior: Callable[[Tensor], Tensor],
    log_posterior: Density,
    samples: int = 64,
    chunk: int = 16,
) -> Bounds:
    """Estimate both bounds for examples x [B, ...] from `samples` of z each, `chunk` at a time.

    draw(x, k): hidden z [k, B, ...] from q(z|x). log_likelihood(x, z): log p(x|z) [k, B].
    log_prior(z): log p(z) [k, B]. log_posterior(z, x): log q(z|x) [k, B]. All densities are summed
    over dimensions, and complete: a squared error without its constant is no density.
    """
    total = torch.zeros(len(x), dtype=torch.float64, device=_wide(x))
    once = twice = torch.full_like(total, -math.inf)
    for k in _counts(samples, chunk):
        z = draw(x, k)
        log_w = log_likelihood(x, z) + log_prior(z) - log_posterior(z, x)
        if log_w.shape != (k, len(x)):
            raise ValueError(f"log densities are {tuple(log_w.shape)}, not [{k}, {len(x)}]")
        log_w = log_w.to(total.device).double()
        total = total + log_w.sum(0)
        once = torch.logaddexp(once, log_w.logsumexp(0))
        twice = torch.logaddexp(twice, (2 * log_w).logsumexp(0))
    return Bounds(total / samples, once - math.log(samples), (2 * once - twice).exp())


def _counts(samples: int, chunk: int) -> Iterator[int]:
    for start in range(0, samples, chunk):
        yield min(chunk, samples - start)


def _wide(x: Tensor) -> torch.device:
    """Return where doubles can be added: not on every accelerator."""
    return torch.device("cpu") if x.device.type == "mps" else x.device
