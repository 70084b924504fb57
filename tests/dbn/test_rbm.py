"""Conditionals, free energies and partition functions are those of the energy, summed over all
visible and hidden states by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lab_dbn.likelihood import (
    exact_log_partition,
    log_partition,
    pseudo_likelihood,
    top_log_probability,
)

MACHINES = [
    pytest.param({"units": 5, "hidden": 4}, id="bits"),
    pytest.param({"units": 4, "hidden": 3, "labels": 3}, id="bits and a class"),
]


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)


@pytest.mark.parametrize("sizes", MACHINES)
def test_free_energy_is_that_of_the_sum_over_hidden_states(make_rbm, brute, sizes) -> None:
    rbm = make_rbm(**sizes)
    truth = brute(rbm)
    expected = -np.log(truth.unnormalized.sum(1))
    assert rbm.free_energy(tensor(truth.visible)).numpy() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("sizes", MACHINES)
def test_hidden_means_are_conditional_probabilities(make_rbm, brute, sizes) -> None:
    rbm = make_rbm(**sizes)
    truth = brute(rbm)
    expected = truth.joint @ truth.hidden / truth.marginal()[:, None]
    assert rbm.hidden_mean(tensor(truth.visible)).numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("sizes", MACHINES)
def test_visible_means_are_conditional_probabilities(make_rbm, brute, sizes) -> None:
    rbm = make_rbm(**sizes)
    truth = brute(rbm)
    expected = truth.joint.T @ truth.visible / truth.joint.sum(0)[:, None]
    assert rbm.visible_mean(tensor(truth.hidden)).numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("sizes", MACHINES)
def test_exact_partition_function_is_the_sum_over_all_states(make_rbm, brute, sizes) -> None:
    rbm = make_rbm(**sizes)
    assert float(exact_log_partition(rbm)) == pytest.approx(brute(rbm).log_z, abs=1e-6)


def test_few_visible_units_are_enumerated_where_hidden_ones_are_many(make_rbm) -> None:
    rbm = make_rbm(5, 20, scale=0.5)
    weight, below, above = (p.double().numpy() for p in rbm.parameters())
    states = np.array([[n >> i & 1 for i in range(5)] for n in range(32)], float)
    total = np.exp(states @ below + np.logaddexp(0, states @ weight + above).sum(1)).sum()
    assert float(exact_log_partition(rbm)) == pytest.approx(math.log(total), abs=1e-6)


@pytest.mark.parametrize("sizes", MACHINES)
def test_annealing_finds_the_partition_function(make_rbm, brute, generator, sizes) -> None:
    rbm = make_rbm(**sizes)
    base = torch.zeros(sizes["units"] + sizes.get("labels", 0))
    estimate = log_partition(rbm, base, steps=500, chains=500, generator=generator)
    assert float(estimate) == pytest.approx(brute(rbm).log_z, abs=0.1)


def test_annealing_from_a_base_of_other_biases_finds_the_same(make_rbm, brute, generator) -> None:
    rbm = make_rbm(6, 5)
    base = torch.tensor([1.0, -2.0, 0.5, 0.0, 3.0, -1.0])
    estimate = log_partition(rbm, base, steps=500, chains=500, generator=generator)
    assert float(estimate) == pytest.approx(brute(rbm).log_z, abs=0.1)


def test_annealing_is_right_for_a_larger_machine_and_cheap_settings(make_rbm, generator) -> None:
    rbm = make_rbm(64, 14, scale=0.4)
    estimate = log_partition(rbm, torch.zeros(64), steps=500, chains=64, generator=generator)
    assert float(estimate) == pytest.approx(float(exact_log_partition(rbm)), abs=0.2)


def test_likelihood_sums_to_one_over_all_visible_states(make_rbm, brute) -> None:
    rbm = make_rbm(5, 4)
    states = tensor(brute(rbm).visible)
    chances = top_log_probability(rbm, states, exact_log_partition(rbm)).exp()
    assert float(chances.sum()) == pytest.approx(1, abs=1e-4)


def test_label_units_are_summed_out(make_rbm, brute) -> None:
    rbm = make_rbm(4, 3, labels=3)
    truth = brute(rbm)
    expected = truth.marginal().reshape(16, 3).sum(1)
    states = tensor(truth.visible[::3, :4])
    probabilities = top_log_probability(rbm, states, exact_log_partition(rbm)).exp()
    assert probabilities.numpy() == pytest.approx(expected, abs=1e-5)


def test_class_energies_give_the_probability_of_each_class(make_rbm, brute) -> None:
    rbm = make_rbm(4, 3, labels=3)
    truth = brute(rbm)
    table = truth.marginal().reshape(16, 3)
    probabilities = (-rbm.class_energies(tensor(truth.visible[::3, :4]))).softmax(1)
    assert probabilities.numpy() == pytest.approx(table / table.sum(1, keepdims=True), abs=1e-5)


def test_pseudo_likelihood_is_right_on_average(make_rbm, brute, generator) -> None:
    rbm = make_rbm(5, 4)
    truth = brute(rbm)
    marginal = truth.marginal().reshape((2,) * 5)
    state = (1, 0, 1, 1, 0)
    expected = 0.0
    for bit in range(5):
        flipped = tuple(1 - s if i == bit else s for i, s in enumerate(state))
        expected += math.log(marginal[state] / (marginal[state] + marginal[flipped]))
    many = torch.tensor([state], dtype=torch.float32).expand(20_000, -1)
    estimate = pseudo_likelihood(rbm, many, generator).mean()
    assert float(estimate) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("sizes", MACHINES)
def test_gibbs_sampling_visits_states_as_often_as_they_are_likely(
    make_rbm, brute, generator, sizes
) -> None:
    rbm = make_rbm(**sizes, scale=0.7)
    truth = brute(rbm)
    hidden = torch.zeros(20_000, rbm.hidden)
    for _ in range(25):
        visible = rbm.draw_visible(hidden, generator)
        hidden = rbm.draw_hidden(visible, generator)
    expected = truth.marginal() @ truth.visible
    assert visible.mean(0).numpy() == pytest.approx(expected, abs=0.02)
    products = visible.T @ hidden / len(visible)
    assert products.numpy() == pytest.approx(truth.expected_products(), abs=0.02)


def test_a_drawn_label_is_exactly_one(make_rbm, generator) -> None:
    rbm = make_rbm(4, 3, labels=5)
    labels = rbm.draw_visible(torch.ones(200, 3), generator)[:, 4:]
    assert set(labels.unique().tolist()) == {0.0, 1.0}
    assert labels.sum(1).eq(1).all()


# -- gaussian visible units: given h, v is normal with mean b + W h and variance 1


def mixture(rbm) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the weights [2^H] and means [2^H, V] of the mixture that v is, and log Z."""
    weight, below, above = (p.double().numpy() for p in rbm.parameters())
    hidden = np.array([[n >> i & 1 for i in range(rbm.hidden)] for n in range(2**rbm.hidden)])
    means = below + hidden @ weight.T
    # integral over v of exp(-|v - b|^2 / 2 + c h + v W h), the square completed
    logs = hidden @ above + ((means**2).sum(1) - (below**2).sum()) / 2
    logs += rbm.units / 2 * np.log(2 * np.pi)
    total = np.log(np.exp(logs - logs.max()).sum()) + logs.max()
    return np.exp(logs - total), means, float(total)


def test_gaussian_partition_function_is_that_of_the_mixture(make_rbm, generator) -> None:
    rbm = make_rbm(3, 4, scale=0.6, gaussian=True)
    _, _, log_z = mixture(rbm)
    assert float(exact_log_partition(rbm)) == pytest.approx(log_z, abs=1e-6)
    estimate = log_partition(rbm, torch.zeros(3), steps=500, chains=500, generator=generator)
    assert float(estimate) == pytest.approx(log_z, abs=0.1)


def test_gaussian_partition_function_is_the_integral(make_rbm) -> None:
    rbm = make_rbm(1, 3, gaussian=True)
    line = torch.linspace(-15, 15, 60_001)[:, None]
    total = (-rbm.free_energy(line).double()).exp().sum() * (30 / 60_000)
    assert float(exact_log_partition(rbm)) == pytest.approx(float(total.log()), abs=1e-3)


def test_gaussian_samples_have_the_moments_of_the_mixture(make_rbm, generator) -> None:
    rbm = make_rbm(3, 3, scale=0.6, gaussian=True)
    weights, means, _ = mixture(rbm)
    expected = weights @ means
    spread = weights @ (means**2) + 1 - expected**2
    hidden = torch.zeros(20_000, 3)
    for _ in range(25):
        visible = rbm.draw_visible(hidden, generator)
        hidden = rbm.draw_hidden(visible, generator)
    assert visible.mean(0).numpy() == pytest.approx(expected, abs=0.03)
    assert visible.var(0).numpy() == pytest.approx(spread, rel=0.04)


def test_biases_at_a_mean_give_that_mean(make_rbm) -> None:
    rbm = make_rbm(3, 2, scale=0.0, labels=2)
    mean = torch.tensor([0.2, 0.5, 0.9, 0.25, 0.75])
    rbm.visible_bias.copy_(rbm.biases_at(mean))
    assert rbm.visible_mean(torch.zeros(1, 2))[0].tolist() == pytest.approx(mean.tolist())


def test_a_pixel_that_never_varies_gets_a_finite_bias(make_rbm) -> None:
    biases = make_rbm(2, 2).biases_at(torch.tensor([0.0, 1.0]))
    assert biases.isfinite().all()


def test_free_energy_is_finite_for_huge_weights(make_rbm) -> None:
    rbm = make_rbm(5, 4, scale=1e4)
    assert rbm.free_energy(torch.ones(2, 5)).isfinite().all()
