"""Measure densities: data are led to noise step by step, and each step's change of volume counts.

What leads from data to noise without drawing anything is one-to-one, so that log p(x_0) is the log
density of the noise that x_0 becomes plus the log determinants of the steps (Song et al., 2021,
"Score-based generative modeling through SDEs", section 4.3, in steps of DDIM).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from lab_diffusion.process import Model, Process, at

MOST = 64  # numbers in an example: a determinant takes a backward pass for each, at every step


@torch.enable_grad()
def log_density(process: Process, model: Model, clean: Tensor, steps: int) -> Tensor:
    """Return log p of data [B, ...] in nats [B]. It is exact in the limit of many steps and a
    perfect network. Steps are shortest next to the data, where densities are steepest."""
    x = clean.detach()
    total = x.new_zeros(len(x), dtype=torch.double)
    for now, then in pairwise(process.rising(steps)):
        x.requires_grad_()
        parts = process.parts(x, model(x, max(now, process.first)), at(now, x))
        after = process.noised(*parts, at(then, x))
        total += torch.linalg.slogdet(torch.stack(list(_rows(after, x)), 1)).logabsdet
        x = after.detach()
    flat = x.flatten(1).double()
    return total - 0.5 * (flat.square() + math.log(2 * math.pi)).sum(1)


def _rows(outputs: Tensor, inputs: Tensor) -> Iterator[Tensor]:
    """Yield the derivatives [B, D] of each output to its example's inputs, both [B, ...]."""
    for output in outputs.flatten(1).sum(0):
        (row,) = torch.autograd.grad(output, inputs, retain_graph=True)
        yield row.flatten(1).double()
