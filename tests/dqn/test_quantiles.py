"""Quantiles of returns are those that their loss has its minimum at, and their means are Q."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import worlds
from dqn_tools import make_dqn, train

import lab
from lab_dqn.model import QNetwork
from lab_dqn.returns import quantile_huber
from lab_dqn.task import Task


def test_the_loss_is_that_of_the_paper() -> None:
    """Equation 10, written out for each pair."""
    generator = torch.Generator().manual_seed(0)
    quantiles, samples = (2 * torch.randn(3, n, generator=generator) for n in (4, 5))
    levels = (torch.arange(4) + 0.5) / 4
    expected = torch.zeros(3)
    for row in range(3):
        for i, level in enumerate(levels):
            for sample in samples[row]:
                u = float(sample - quantiles[row, i])
                huber = 0.5 * u**2 if abs(u) <= 1 else abs(u) - 0.5
                expected[row] += abs(float(level) - (u < 0)) * huber / 5
    torch.testing.assert_close(quantile_huber(quantiles, samples, levels), expected)


def test_a_fair_coin_has_its_quantiles_where_the_loss_is_least() -> None:
    """Of 1 and -1 the level 1/4 is at -2/3: there 1/4 * 1 = 3/4 * (1 + theta)."""
    theta = torch.zeros(1, 2, requires_grad=True)
    coin, levels = torch.tensor([[-1.0, 1.0]]), torch.tensor([0.25, 0.75])
    for _ in range(500):
        (gradient,) = torch.autograd.grad(quantile_huber(theta, coin, levels).sum(), theta)
        theta.data -= 0.2 * gradient
    torch.testing.assert_close(theta.detach(), torch.tensor([[-2 / 3, 2 / 3]]), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "options", [{}, {"double": True}, {"target_network": False}, {"dueling": True}]
)
def test_means_of_quantiles_are_the_optimal_values(options) -> None:
    """In a chain without chance every quantile is the value."""
    table: dict[str, Any] = {
        "hidden": (), "gamma": 0.8, "clip_norm": None, "lr": 0.02, "batch_size": 32, "n_envs": 4,
        "learning_starts": 64, "train_freq": 16, "gradient_steps": 20, "epsilon_end": 1.0,
        "target_update_interval": 40, "quantiles": 4,
    }  # fmt: skip
    dqn = train(make_dqn(env="worlds:worlds/Chain-v0", **{**table, **options}), 3_200)
    expected = worlds.optimal_q(worlds.chain(), 0.8)
    np.testing.assert_allclose(dqn.q(np.arange(5)), expected, atol=0.05)
    outputs = dqn.online(torch.arange(5)[:, None])
    assert outputs.shape == (5, 2, 4)
    np.testing.assert_allclose(outputs.detach().std(2), 0, atol=0.05)


def test_dueling_quantiles_are_centered_over_actions() -> None:
    network = QNetwork(Task("vector", (4,), "float32", 1, 0, 3), (8,), dueling=True, quantiles=5)
    obs = torch.randn(2, 1, 4)
    outputs = network(obs)
    assert outputs.shape == (2, 3, 5)
    assert network.value is not None
    torch.testing.assert_close(outputs.mean(1), network.value(network.features(obs)))


def test_another_loss_is_refused() -> None:
    with pytest.raises(lab.UsageError, match="--quantiles have a loss of their own"):
        lab.run("dqn", quantiles=8, loss="mse", wandb="disabled")
