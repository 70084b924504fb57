"""Keep the discriminator's slope in bounds: gradient penalties, and clipped weights."""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn


def slope(outputs: Tensor, inputs: Tensor) -> Tensor:
    """Return the gradient of each output with respect to its own inputs [B, ...], to be
    differentiated again. The sum keeps examples apart: no output depends on another one's input,
    as long as there is no BatchNorm."""
    return torch.autograd.grad(outputs.sum(), inputs, create_graph=True)[0]


def squared_norm(gradients: Tensor) -> Tensor:
    """Return |g|² of each row [B, ...], over all of its dimensions [B]."""
    return gradients.flatten(1).square().sum(1)


def interpolated(real: Tensor, fake: Tensor, pack: int, draw: Generator) -> Tensor:
    """Return random places between reals and fakes [B, ...], those of a pack on one line, to be
    differentiated by (Gulrajani et al., "Improved training of Wasserstein GANs", 2017, section 4).
    """
    share = torch.rand(
        (len(real) // pack, *[1] * (real.ndim - 1)), generator=draw, device=draw.device
    )
    shares = share.repeat_interleave(pack, 0)
    return torch.lerp(real.detach(), fake.detach(), shares).requires_grad_()


@torch.no_grad()
def clip_weights(module: nn.Module, bound: float) -> None:
    """Bring each weight into [-bound, bound] (Arjovsky et al., 2017, algorithm 1, line 7)."""
    weights: list[Tensor] = [weight for weight in module.parameters() if weight.requires_grad]
    torch._foreach_clamp_min_(weights, -bound)
    torch._foreach_clamp_max_(weights, bound)
