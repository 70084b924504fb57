"""Ask a network for a class more or less strongly (Ho and Salimans, "Classifier-free diffusion
guidance", 2022)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

Network = Callable[..., Tensor]  # x_t [B, ...], times [B], classes [B] -> outputs [B, ...]


def dropped(classes: Tensor, none: int, fraction: float, generator: Generator) -> Tensor:
    """Return classes [B] of which a fraction, at random, is `none`, so that the network learns the
    data as a whole beside those of each class (algorithm 1)."""
    drawn = torch.rand(len(classes), generator=generator, device=classes.device)
    return torch.where(drawn < fraction, none, classes)


def guided(
    net: Network, x: Tensor, time: Tensor, classes: Tensor, none: int, guidance: float
) -> Tensor:
    """Return outputs [B, ...] that lie `guidance` times as far from those for no class as those for
    the classes [B]; the paper's w is `guidance` - 1 (equation 6)."""
    if guidance == 1:
        return net(x, time, classes)
    free = torch.full_like(classes, none)
    if guidance == 0:
        return net(x, time, free)
    both = net(torch.cat([x, x]), torch.cat([time, time]), torch.cat([free, classes]))
    without, with_class = both.chunk(2)
    return torch.lerp(without, with_class, guidance)
