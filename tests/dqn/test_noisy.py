"""Noisy weights have the moments of the paper, and are still in evaluation."""

from __future__ import annotations

import torch
from dqn_tools import make_dqn, train

from lab_dqn.noisy import NoisyLinear, scaled


def test_outputs_vary_as_the_paper_says() -> None:
    """Var f(e) f(e') = E |e| E |e'| = 2 / pi of a weight, and sqrt(2 / pi) of a bias."""
    layer = NoisyLinear(3, 2)
    x = torch.tensor([[1.0, -2.0, 0.5]])
    with torch.no_grad():
        drawn = torch.stack([layer(x)[0] for _ in range(20_000)])
        mean = layer.eval()(x)[0]
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.02, rtol=0)
    sigma = 0.5 / 3**0.5
    pi = torch.pi
    # behind * (before . x + 1) * sigma, of which before and behind are independent
    expected = sigma**2 * (2 / pi) ** 0.5 * ((2 / pi) ** 0.5 * x.square().sum() + 1)
    torch.testing.assert_close(drawn.var(0), expected.expand(2), atol=0, rtol=0.05)


def test_the_noise_is_factorized() -> None:
    """Of weights minus their mean, all rows are multiples of one."""
    layer = NoisyLinear(4, 3)
    with torch.no_grad():
        eye = torch.eye(4)
        torch.manual_seed(0)
        zero = NoisyLinear.forward(layer, torch.zeros(1, 4))
        torch.manual_seed(0)
        noise = layer(eye) - zero - layer.weight.T
    assert torch.linalg.matrix_rank(noise, atol=1e-5) == 1


def test_signs_are_kept_and_sizes_are_roots() -> None:
    expected = torch.tensor([-2.0, 0.0, 3.0])
    torch.testing.assert_close(scaled(torch.tensor([-4.0, 0.0, 9.0])), expected)


def test_noise_explores_in_the_place_of_random_actions() -> None:
    dqn = make_dqn(noisy=True, hidden=(8,), n_envs=4, learning_starts=50, train_freq=16)
    assert dqn.epsilon(0) == 0
    obs = dqn.envs.obs
    assert not torch.equal(*(torch.from_numpy(dqn.q(obs)) for _ in range(2)))
    with dqn.ctx.compute.evaluating():
        assert torch.equal(*(torch.from_numpy(dqn.q(obs)) for _ in range(2)))
    before = dqn.online.advantage.weight_sigma.detach().clone()
    train(dqn, 200)
    assert not torch.equal(before, dqn.online.advantage.weight_sigma)  # learned, as all weights
