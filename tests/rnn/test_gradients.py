"""How far gradients reach back is what autograd says of each example, and what algebra does."""

from __future__ import annotations

import pytest
import torch

from lab.nn import CrossEntropy
from lab.sequence import keep_mask
from lab_rnn.pictures import gradient_through_time


def test_of_an_identity_with_rectified_units_all_steps_have_the_same_gradient(make_net) -> None:
    """h_T is the sum of W x_t while nothing is negative (Le et al., 2015)."""
    net = make_net("sequence", (30, 4), cell="rnn-relu", identity_init=True)
    with torch.no_grad():
        net.reader.layers.weight_ih_l0.abs_()
    batch = {"inputs": torch.rand(3, 30, 4), "targets": torch.tensor([0, 1, 2])}
    norms = gradient_through_time(net, CrossEntropy(), batch)
    assert norms.shape == (30,)
    assert torch.allclose(norms, norms[0].expand(30), rtol=1e-4)


def test_of_a_weak_recurrence_gradients_vanish_at_its_rate(make_net) -> None:
    """With U = 1/2 and small inputs, where tanh is linear, a step back halves the gradient."""
    net = make_net("sequence", (12, 4), cell="rnn", identity_init=True)
    with torch.no_grad():
        net.reader.layers.weight_hh_l0.mul_(0.5)
    batch = {"inputs": 1e-4 * torch.randn(3, 12, 4), "targets": torch.tensor([0, 1, 2])}
    norms = gradient_through_time(net, CrossEntropy(), batch)
    expected = norms[0] * 0.5 ** torch.arange(12.0)
    assert torch.allclose(norms, expected, rtol=1e-3)


@pytest.mark.parametrize("masked", [False, True])
def test_steps_count_from_the_last_one_of_each_example(make_net, masked) -> None:
    net = make_net("sequence", (6, 4))
    inputs, classes = torch.randn(3, 6, 4), torch.tensor([0, 1, 2])
    lengths = torch.tensor([6, 2, 4]) if masked else torch.tensor([6, 6, 6])
    batch = {"inputs": inputs, "targets": classes}
    if masked:
        batch["mask"] = keep_mask(lengths, 6)
    norms = gradient_through_time(net, CrossEntropy(), batch)
    by_distance: dict[int, list[float]] = {}
    for row, length in enumerate(lengths.tolist()):
        steps = inputs[row : row + 1, :length].clone().requires_grad_()
        loss = torch.nn.functional.cross_entropy(net(steps), classes[row : row + 1]) / 3
        (gradient,) = torch.autograd.grad(loss, steps)
        for step in range(length):
            by_distance.setdefault(length - 1 - step, []).append(float(gradient[0, step].norm()))
    expected = [sum(by_distance[n]) / len(by_distance[n]) for n in range(6)]
    assert torch.allclose(norms, torch.tensor(expected), atol=1e-6)
