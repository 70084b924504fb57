"""Route capsules to capsules by agreement, without a tensor of all votes.

Sabour, Frosst and Hinton, "Dynamic routing between capsules" (2017), procedure 1 and equation 1.
The vote of input capsule i for class capsule j, u_hat_ij = u_i W_ij, enters routing in two sums
alone: weighted over i, and in its product with v_j. Both are parts of one form that is linear in
each of its arguments,

    sum_bijde  c_bij u_bdi W_jdie v_bje,

so they are products of matrices, and each is what the other needs to go backward. All votes
[B, I, J, E], 74 MB for 100 pictures at the paper's size, are never made.

Shapes: B examples, I input capsules of D dimensions, u [B, D, I]; J output capsules of E
dimensions, v [B, J, E]; weights W [J, D, I, E]; coefficients c and agreements [B, J, I].
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

EPSILON = 1e-8  # beside squared lengths: the gradient of a root is infinite at 0
NUMBERS = 2**20  # that one product holds at a time, about: what is larger leaves the CPU's cache


def squash(s: Tensor, dim: int = -1) -> Tensor:
    """Return vectors along `dim` of the same directions and lengths |s|^2 / (1 + |s|^2) (equation
    1); the zero vector stays, with a finite gradient."""
    squared = s.square().sum(dim, keepdim=True)
    return s * ((squared + EPSILON).sqrt() / (1 + squared))


def route(u: Tensor, weight: Tensor, routings: int, detach: bool = False) -> tuple[Tensor, Tensor]:
    """Return the output capsules [B, J, E] after that many routings, and their coefficients.

    detach: gradients flow through the last weighted sum alone, and not through what chose its
    coefficients.
    """
    if detach:
        c = coefficients(u.detach(), weight.detach(), routings)
    else:
        c = coefficients(u, weight, routings)
    return squash(weighted_votes(c, u, weight)), c


def coefficients(u: Tensor, weight: Tensor, routings: int) -> Tensor:
    """Return the coefficients [B, J, I] of the last routing; those of an input capsule sum to 1
    over the output capsules. Those of the first are all alike."""
    batch, outputs, inputs = len(u), len(weight), u.shape[2]
    logits = u.new_zeros(batch, outputs, inputs)
    for _ in range(routings - 1):
        v = squash(weighted_votes(logits.softmax(1), u, weight))
        logits = logits + agreement(v, u, weight)
    return logits.softmax(1)


def weighted_votes(c: Tensor, u: Tensor, weight: Tensor) -> Tensor:
    """Return the sums over input capsules of coefficient times vote [B, J, E]."""
    s: Tensor = _WeightedVotes.apply(c, u, weight)  # type: ignore[no-untyped-call]
    return s


def agreement(v: Tensor, u: Tensor, weight: Tensor) -> Tensor:
    """Return the products of votes with the output capsules that they are for [B, J, I]."""
    a: Tensor = _Agreement.apply(v, u, weight)  # type: ignore[no-untyped-call]
    return a


class _WeightedVotes(torch.autograd.Function):
    """Keeps its arguments and no product: going backward makes them again, block by block."""

    @staticmethod
    def forward(c: Tensor, u: Tensor, weight: Tensor) -> Tensor:
        return _sum_votes(c, u, weight)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        c, u, weight = ctx.saved_tensors
        by_c, by_u, by_weight = _derivatives(c, u, weight, grad)
        return by_c, by_u, by_weight


class _Agreement(torch.autograd.Function):
    """The same form, differentiated by its coefficients instead of its output capsules."""

    @staticmethod
    def forward(v: Tensor, u: Tensor, weight: Tensor) -> Tensor:
        return _agree(v, u, weight)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        v, u, weight = ctx.saved_tensors
        _, by_u, by_weight = _derivatives(grad, u, weight, v)
        return _sum_votes(grad, u, weight), by_u, by_weight


def _sum_votes(c: Tensor, u: Tensor, weight: Tensor) -> Tensor:
    """Differentiate the form by v: [B, J, E]."""
    s = u.new_empty(len(weight), len(u), weight.shape[3])
    for block in _blocks(u, weight):
        s[block] = _weighted(c, u, block) @ weight[block].flatten(1, 2)
    return s.transpose(0, 1)


def _agree(v: Tensor, u: Tensor, weight: Tensor) -> Tensor:
    """Differentiate the form by c: [B, J, I]."""
    a = u.new_empty(len(u), len(weight), u.shape[2])
    for block in _blocks(u, weight):
        a[:, block] = (_seen(v, u, weight, block) * u).sum(2).transpose(0, 1)
    return a


def _derivatives(c: Tensor, u: Tensor, weight: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Differentiate the form by c, u and W."""
    by_c, by_u, by_weight = torch.empty_like(c), torch.zeros_like(u), torch.empty_like(weight)
    for block in _blocks(u, weight):
        seen = _seen(v, u, weight, block)  # [J', B, D, I]
        by_c[:, block] = (seen * u).sum(2).transpose(0, 1)
        by_u += (seen * c[:, block].transpose(0, 1)[:, :, None]).sum(0)
        products = _weighted(c, u, block).transpose(1, 2) @ v[:, block].transpose(0, 1)
        by_weight[block] = products.view(-1, *weight.shape[1:])
    return by_c, by_u, by_weight


def _weighted(c: Tensor, u: Tensor, block: slice) -> Tensor:
    """Return input capsules times their coefficients for some output capsules [J', B, D I]."""
    return (c[:, block].transpose(0, 1)[:, :, None] * u).flatten(2)


def _seen(v: Tensor, u: Tensor, weight: Tensor, block: slice) -> Tensor:
    """Return some output capsules as each input capsule's weights see them [J', B, D, I]."""
    seen = v[:, block].transpose(0, 1) @ weight[block].flatten(1, 2).transpose(1, 2)
    return seen.view(-1, *u.shape)


def _blocks(u: Tensor, weight: Tensor) -> Iterator[slice]:
    """Yield the output capsules in groups, of as many as fit into `NUMBERS`."""
    size = max(1, NUMBERS // max(1, u.numel()))
    for start in range(0, len(weight), size):
        yield slice(start, start + size)
