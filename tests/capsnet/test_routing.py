"""Routing equals its textbook form, forward and backward, and stays finite."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from lab_capsnet import routing
from lab_capsnet.routing import agreement, coefficients, route, squash, weighted_votes


def textbook(u: Tensor, weight: Tensor, routings: int, detach: bool) -> tuple[Tensor, Tensor]:
    """Sabour et al. (2017), procedure 1, with all votes [B, I, J, E] and no epsilon."""
    votes = torch.einsum("bdi,jdie->bije", u, weight)
    seen = votes.detach() if detach else votes
    b = torch.zeros(votes.shape[:3], dtype=u.dtype)
    for number in range(routings):
        c = b.softmax(dim=2)  # over the output capsules
        last = number == routings - 1
        s = torch.einsum("bij,bije->bje", c, votes if last else seen)
        length = s.norm(dim=-1, keepdim=True)
        v = length**2 / (1 + length**2) * s / length
        if not last:
            b = b + torch.einsum("bije,bje->bij", seen, v)
    return v, c.transpose(1, 2)


def some(batch: int = 4, inputs: int = 11, outputs: int = 5) -> tuple[Tensor, Tensor]:
    u = torch.randn(batch, 3, inputs, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(outputs, 3, inputs, 6, dtype=torch.float64, requires_grad=True)
    return u, weight


@pytest.mark.parametrize("numbers", [1, 2**20], ids=["one by one", "at once"])
@pytest.mark.parametrize("detach", [False, True], ids=["through", "detached"])
@pytest.mark.parametrize("routings", [1, 2, 3, 5])
def test_capsules_coefficients_and_gradients_are_those_of_the_textbook(
    routings: int, detach: bool, numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "NUMBERS", numbers)
    u, weight = some()
    ours, theirs = (f(u, weight, routings, detach) for f in (route, textbook))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    probe = torch.randn_like(ours[0])
    gradients, expected = (
        torch.autograd.grad((v * probe).sum(), (u, weight)) for v, _ in (ours, theirs)
    )
    for one, other in zip(gradients, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)


def test_both_sums_have_the_gradients_of_finite_differences() -> None:
    u, weight = some(2, 3, 2)
    c = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    v = torch.randn(2, 2, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(weighted_votes, (c, u, weight))
    assert torch.autograd.gradcheck(agreement, (v, u, weight))


def test_every_routing_counts() -> None:
    u, weight = some()
    capsules = [route(u, weight, number)[0] for number in (1, 2, 3, 4)]
    assert all(not torch.allclose(a, b) for a, b in pairwise(capsules))


def test_an_input_capsule_is_shared_out_among_the_output_capsules() -> None:
    u, weight = some()
    c = coefficients(u, weight, 3)
    assert c.shape == (4, 5, 11)
    torch.testing.assert_close(c.sum(1), torch.ones(4, 11, dtype=torch.float64))
    assert not torch.allclose(c.sum(2), torch.ones(4, 5, dtype=torch.float64))
    torch.testing.assert_close(coefficients(u, weight, 1), torch.full_like(c, 1 / 5))


def test_what_agrees_is_routed_to_what_it_agrees_with() -> None:
    """All votes for capsule 0 are one vector; those for capsule 1 point both ways and cancel."""
    u = torch.ones(1, 1, 4)
    weight = torch.zeros(2, 1, 4, 2)
    weight[0, 0, :, 0] = 1
    weight[1, 0, :, 0] = torch.tensor([1.0, -1, 1, -1])
    v, c = route(u, weight, 3)
    assert bool((c[0, 0] > 0.75).all())
    assert float(v[0, 0].norm()) > 0.8
    assert float(v[0, 1].norm()) < 1e-3


def test_squash_keeps_directions_and_maps_lengths() -> None:
    s = torch.randn(50, 7, dtype=torch.float64)
    v, length = squash(s), s.norm(dim=1)
    torch.testing.assert_close(v.norm(dim=1), length**2 / (1 + length**2), atol=1e-7, rtol=1e-6)
    torch.testing.assert_close(v / v.norm(dim=1, keepdim=True), s / length[:, None])
    torch.testing.assert_close(squash(s.T, dim=0), v.T)


@pytest.mark.parametrize("size", [0.0, 1e-20, 1e4])
def test_empty_and_saturated_capsules_have_finite_gradients(size: float) -> None:
    u = torch.full((2, 3, 11), size, requires_grad=True)
    weight = torch.randn(5, 3, 11, 6, requires_grad=True)
    v, c = route(u, weight, 3)
    v.sum().backward()
    assert u.grad is not None
    assert weight.grad is not None
    assert all(x.isfinite().all() for x in (v, c, u.grad, weight.grad))


def test_fifty_routings_stay_finite() -> None:
    u, weight = (x.detach().float().requires_grad_() for x in some())
    v, c = route(u, weight, 50)
    v.sum().backward()
    assert u.grad is not None
    assert all(x.isfinite().all() for x in (v, c, u.grad))
    assert bool((v.norm(dim=-1) < 1).all())


def test_going_backward_keeps_no_tensor_of_votes() -> None:
    """Saved for it are the arguments alone: none is as large as weights, or as all votes."""
    batch, inputs, outputs = 16, 40, 5
    u, weight = some(batch, inputs, outputs)
    kept: list[int] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        v, _ = route(u, weight, 3)
    largest = max(u.numel(), weight.numel(), batch * outputs * inputs)
    assert max(kept) <= largest < math.prod((batch, inputs, outputs, 6))
    v.sum().backward()
