"""Keep the discriminator's slope in bounds: gradient penalties, and clipped weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

Score = Callable[[Tensor], Tensor]


def slope(outputs: Tensor, inputs: Tensor) -> Tensor:
    """Return the gradient of each output [B] with respect to its own input [B, ...], to be
    differentiated again. The sum keeps examples apart: no output depends on another's input, as
    long as there is no BatchNorm."""
    return torch.autograd.grad(outputs.sum(), inputs, create_graph=True)[0]


def squared_norm(gradients: Tensor) -> Tensor:
    """Return |g|² of each example [B], over all of its dimensions."""
    return gradients.flatten(1).square().sum(1)


def interpolated(score: Score, real: Tensor, fake: Tensor, draw: Generator) -> Tensor:
    """Return (|grad D(x)| - 1)² [B] at random places between reals and fakes (Gulrajani et al.,
    "Improved training of Wasserstein GANs", 2017, equation 3)."""
    share = torch.rand((len(real), *[1] * (real.ndim - 1)), generator=draw, device=real.device)
    between = torch.lerp(real.detach(), fake.detach(), share).requires_grad_()
    # a norm has no slope at 0, and there one of 0 is wanted
    norm = (squared_norm(slope(score(between), between)) + 1e-12).sqrt()
    return (norm - 1).square()


@torch.no_grad()
def clip_weights(module: nn.Module, bound: float) -> None:
    """Bring each weight into [-bound, bound] (Arjovsky et al., 2017, algorithm 1, line 7)."""
    weights: list[Tensor] = [weight for weight in module.parameters() if weight.requires_grad]
    torch._foreach_clamp_min_(weights, -bound)
    torch._foreach_clamp_max_(weights, bound)
