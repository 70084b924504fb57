"""Contrastive divergence and its persistent kin follow the likelihood's gradient, and arrive."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lab_dbn.config import Config
from lab_dbn.contrastive import Contrastive
from lab_dbn.likelihood import exact_log_partition

PLAIN: dict[str, Any] = {"weight_decay": 0.0, "momentum": 0.0, "initial_momentum": 0.0}


def patterns(number: int = 512, seed: int = 0) -> torch.Tensor:
    """Bits [N, 8]: a bar across two rows of four, with noise."""
    rng = np.random.default_rng(seed)
    prototypes = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 1], [1, 0] * 4])
    chosen = prototypes[rng.integers(3, size=number)]
    return torch.tensor(np.where(rng.random(chosen.shape) < 0.1, 1 - chosen, chosen)).float()


def exact_gradient(rbm, truth, data: torch.Tensor) -> np.ndarray:
    """Return d log p / d W, averaged over data [V, H]."""
    hidden = 1 / (1 + np.exp(-(data.numpy() @ rbm.weight.numpy() + rbm.hidden_bias.numpy())))
    return data.numpy().T @ hidden / len(data) - truth.expected_products()


def log_likelihood(rbm, data: torch.Tensor) -> float:
    return float(-rbm.free_energy(data).mean() - exact_log_partition(rbm))


def test_many_gibbs_steps_give_the_gradient_of_the_log_likelihood(
    make_rbm, brute, generator
) -> None:
    rbm = make_rbm(6, 4, scale=0.5)
    data = torch.randint(2, (20_000, 6), generator=generator).float()
    expected = exact_gradient(rbm, brute(rbm), data)
    before = rbm.weight.clone()
    learner = Contrastive(rbm, Config(cd_k=50, **PLAIN), len(data), generator)
    learner.update(data, 1.0, 0.0)
    gradient = (rbm.weight - before).numpy()
    assert gradient == pytest.approx(expected, abs=0.015)


def test_persistent_chains_give_the_gradient_once_they_have_mixed(
    make_rbm, brute, generator
) -> None:
    rbm = make_rbm(6, 4, scale=0.5)
    data = torch.randint(2, (20_000, 6), generator=generator).float()
    learner = Contrastive(rbm, Config(persistent=True, **PLAIN), len(data), generator)
    for _ in range(50):
        learner.update(data, 0.0, 0.0)
    expected, before = exact_gradient(rbm, brute(rbm), data), rbm.weight.clone()
    learner.update(data, 1.0, 0.0)
    assert (rbm.weight - before).numpy() == pytest.approx(expected, abs=0.015)


def test_one_step_equals_the_textbooks_formula(make_rbm, generator) -> None:
    """Without drawn visible states, only the first hidden ones are random: they are drawn alike."""
    rbm, twin = make_rbm(6, 4), make_rbm(6, 4)
    data = patterns(32)[:, :6]
    learner = Contrastive(rbm, Config(sample_visible=False, **PLAIN), 32, generator)
    learner.update(data, 0.1, 0.0)
    weight, below, above = (p.double() for p in twin.parameters())
    first = (data.double() @ weight + above).sigmoid()
    same = torch.rand(32, 4, generator=torch.Generator().manual_seed(0))
    bits = (same < first.float()).double()
    again = (bits @ weight.T + below).sigmoid()
    last = (again @ weight + above).sigmoid()
    expected = weight + 0.1 * (data.double().T @ first - again.T @ last) / 32
    assert rbm.weight.numpy() == pytest.approx(expected.numpy(), abs=1e-6)
    assert rbm.visible_bias.numpy() == pytest.approx(
        (below + 0.1 * (data - again).mean(0)).numpy(), abs=1e-6
    )
    assert rbm.hidden_bias.numpy() == pytest.approx(
        (above + 0.1 * (first - last).mean(0)).numpy(), abs=1e-6
    )


def test_several_steps_equal_as_many_of_the_textbooks(make_rbm, generator) -> None:
    """CD-3, its hidden states drawn from the same random numbers."""
    rbm, twin = make_rbm(6, 4), make_rbm(6, 4)
    data = patterns(32)[:, :6]
    config = Config(cd_k=3, sample_visible=False, **PLAIN)
    Contrastive(rbm, config, 32, generator).update(data, 0.1, 0.0)
    weight, below, above = (p.double() for p in twin.parameters())
    same = torch.Generator().manual_seed(0)
    first = last = (data.double() @ weight + above).sigmoid()
    for _ in range(3):
        bits = (torch.rand(32, 4, generator=same) < last.float()).double()
        again = (bits @ weight.T + below).sigmoid()
        last = (again @ weight + above).sigmoid()
    expected = weight + 0.1 * (data.double().T @ first - again.T @ last) / 32
    assert rbm.weight.numpy() == pytest.approx(expected.numpy(), abs=1e-6)


def test_momentum_goes_on_with_the_last_step(make_rbm, generator) -> None:
    rbm = make_rbm(6, 4)
    learner = Contrastive(rbm, Config(weight_decay=0.1), 8, generator)
    before = [p.clone() for p in rbm.parameters()]
    for velocity in learner.velocity:
        velocity.fill_(0.5)
    learner.update(patterns(8)[:, :6], 0.0, 0.9)  # a rate of 0: nothing but momentum is left
    for old, new in zip(before, rbm.parameters(), strict=True):
        assert torch.allclose(new - old, torch.full_like(old, 0.45), atol=1e-6)


def test_decay_shrinks_weights_and_not_biases(make_rbm) -> None:
    plain, decayed = make_rbm(6, 4), make_rbm(6, 4)
    for rbm, decay in ((plain, 0.0), (decayed, 0.1)):
        generator = torch.Generator().manual_seed(1)
        learner = Contrastive(rbm, Config(**{**PLAIN, "weight_decay": decay}), 8, generator)
        learner.update(patterns(8)[:, :6], 0.5, 0.0)
    shrunk = -0.5 * 0.1 * make_rbm(6, 4).weight
    assert torch.allclose(decayed.weight - plain.weight, shrunk, atol=1e-6)
    assert torch.equal(decayed.visible_bias, plain.visible_bias)
    assert torch.equal(decayed.hidden_bias, plain.hidden_bias)


def test_sparsity_pulls_activity_to_its_target(make_rbm, generator) -> None:
    means = {}
    for target in (0.1, 0.6):
        rbm = make_rbm(8, 10, scale=0.01)
        config = Config(sparsity=target, sparsity_cost=1.0, **PLAIN)
        learner = Contrastive(rbm, config, 64, generator)
        data = patterns()
        for number in range(300):
            learner.update(data[number % 8 * 64 :][:64], 0.2, 0.5)
        means[target] = float(rbm.hidden_mean(data).mean())
    assert means[0.1] == pytest.approx(0.1, abs=0.05)
    assert means[0.6] == pytest.approx(0.6, abs=0.1)


def maximum_likelihood(make_rbm, data: torch.Tensor) -> float:
    """Return the log-likelihood that the exact gradient comes to, from the same beginning."""
    rbm = make_rbm(8, 4, scale=0.05, seed=3)
    rows = data.numpy()
    hidden = np.array([[n >> i & 1 for i in range(4)] for n in range(16)], float)
    states = np.array([[n >> i & 1 for i in range(8)] for n in range(256)], float)
    for _ in range(1_000):
        weight, below, above = (p.double().numpy() for p in rbm.parameters())
        logs = (states @ below)[:, None] + hidden @ above + states @ weight @ hidden.T
        joint = np.exp(logs - logs.max())
        joint /= joint.sum()
        means = 1 / (1 + np.exp(-(rows @ weight + above)))
        steps = (
            rows.T @ means / len(rows) - states.T @ joint @ hidden,
            rows.mean(0) - joint.sum(1) @ states,
            means.mean(0) - joint.sum(0) @ hidden,
        )
        for parameter, step in zip(rbm.parameters(), steps, strict=True):
            parameter.add_(torch.tensor(0.5 * step, dtype=torch.float32))
    return log_likelihood(rbm, data)


@pytest.mark.parametrize(
    "options", [{"cd_k": 10}, {"cd_k": 1, "persistent": True}], ids=["CD-10", "PCD-1"]
)
def test_training_comes_within_half_a_nat_of_maximum_likelihood(
    make_rbm, generator, options
) -> None:
    data = patterns()
    best = maximum_likelihood(make_rbm, data)
    rbm = make_rbm(8, 4, scale=0.05, seed=3)
    start = log_likelihood(rbm, data)
    learner = Contrastive(rbm, Config(**options, **PLAIN), 64, generator)
    for number in range(1_000):
        rate = 0.5 * (1 - number / 1_000)
        learner.update(data[number % 8 * 64 :][:64], rate, 0.0)
    reached = log_likelihood(rbm, data)
    assert start < best - 1  # there was something to learn
    assert reached > best - 0.5


def test_the_state_goes_on_to_the_bit(make_rbm) -> None:
    config = Config(persistent=True, sparsity=0.2)
    data = patterns(32)

    def steps(rbm, learner, number: int) -> None:
        for _ in range(number):
            learner.update(data, 0.1, 0.9)

    generator = torch.Generator().manual_seed(5)
    rbm = make_rbm(8, 6)
    learner = Contrastive(rbm, config, 32, generator)
    steps(rbm, learner, 5)
    weights, state = rbm.state_dict(), learner.state_dict()
    kept = {n: v.clone() for n, v in weights.items()}
    again = make_rbm(8, 6, seed=9)
    again.load_state_dict(kept)
    fresh = Contrastive(again, config, 32, torch.Generator().manual_seed(99))
    fresh.load_state_dict(state)
    fresh.generator.set_state(generator.get_state())
    steps(rbm, learner, 5)
    steps(again, fresh, 5)
    for a, b in zip(rbm.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert learner.chains is not None
    assert fresh.chains is not None
    assert torch.equal(learner.chains, fresh.chains)
