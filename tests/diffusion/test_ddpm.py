"""Noise and the way back are those of the papers: closed forms, enumeration, an oracle's score."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from diffusion import oracle
from torch import Tensor

from lab_diffusion.ddpm import DDPM
from lab_diffusion.process import Sampling, at
from lab_diffusion.schedules import alpha_bar

CPU = torch.device("cpu")
PREDICTIONS = ("epsilon", "v")


def ddpm(prediction: str = "epsilon", timesteps: int = 1_000, schedule: str = "linear") -> DDPM:
    return DDPM(alpha_bar(schedule, timesteps), prediction, CPU)


def scales(process: DDPM, step: int) -> tuple[float, float]:
    left = process.alpha_bar[step]
    return math.sqrt(left), math.sqrt(1 - left)


def perfect(process: DDPM):
    """The network that knows the mixture."""

    def model(x: Tensor, time: float) -> Tensor:
        alpha, sigma = scales(process, round(time * process.timesteps))
        noise = oracle.noise(x, alpha, sigma)
        clean = oracle.clean(x, alpha, sigma)
        known = noise if process.prediction == "epsilon" else alpha * noise - sigma * clean
        return known.to(x.dtype)

    return model


def last(process, model, noise: Tensor, generator, **how) -> Tensor:
    *_, sample = process.path(model, noise, Sampling(**how), generator)
    return sample


# -- adding noise


def test_training_times_are_the_steps_each_as_likely(generator) -> None:
    process = ddpm(timesteps=8)
    drawn = torch.cat([process.times(5, generator, CPU) for _ in range(4_000)])
    steps, counts = (drawn * 8).round().long().unique(return_counts=True)
    assert steps.tolist() == [*range(1, 9)]
    expected = len(drawn) / 8
    assert ((counts - expected).abs() < 6 * math.sqrt(expected)).all()
    one = torch.stack([process.times(3, generator, CPU)[1] for _ in range(4_000)])
    assert ((one * 8).round().long().bincount(minlength=9)[1:] - 500).abs().max() < 140


def test_noised_data_have_the_moments_of_q(generator) -> None:
    process = ddpm()
    clean = torch.full((200_000, 1), 3.0)
    for step in (1, 250, 1_000):
        time = at(step / 1_000, clean)
        drawn = process.noised(clean, torch.randn(clean.shape, generator=generator), time)
        left = np.cumprod(1 - np.linspace(1e-4, 0.02, 1_000))[step - 1]
        assert float(drawn.mean()) == pytest.approx(3 * math.sqrt(left), abs=0.012)
        assert float(drawn.var()) == pytest.approx(1 - left, rel=0.02)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_a_right_answer_gives_back_the_data_and_the_noise(prediction, generator) -> None:
    process = ddpm(prediction)
    clean, noise = torch.randn(2, 50, 3, 4, generator=generator).double()
    time = torch.linspace(1, 600, 50).round() / 1_000
    noised = process.noised(clean, noise, time)
    found = process.parts(noised, process.target(clean, noise, time), time)
    assert torch.allclose(found[0], clean, atol=1e-4)
    assert torch.allclose(found[1], noise, atol=1e-4)


def test_v_and_epsilon_are_the_two_sides_of_a_turn(generator) -> None:
    """With alpha = cos and sigma = sin, (x_t, v) is (x_0, noise) turned by an angle."""
    process = ddpm("v", schedule="cosine")
    clean, noise = torch.randn(2, 9, 2, generator=generator).double()
    time = torch.linspace(0.1, 0.9, 9)
    pairs = torch.stack([clean, noise], -1)
    turned = torch.stack(
        [process.noised(clean, noise, time), process.target(clean, noise, time)], -1
    )
    assert torch.allclose(turned.norm(dim=-1), pairs.norm(dim=-1), atol=1e-5)
    middle = process.alpha_bar[500]
    v = math.sqrt(middle) * noise[4] - math.sqrt(1 - middle) * clean[4]
    assert torch.allclose(process.target(clean, noise, time)[4], v, atol=1e-6)


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_the_score_is_that_of_the_density(prediction, generator) -> None:
    process = ddpm(prediction)
    x = torch.randn(20, 2, generator=generator).double()
    output = perfect(process)(x, 0.3)
    alpha, sigma = scales(process, 300)
    noise = process.parts(x, output, at(0.3, x))[1]
    assert torch.allclose(-noise / sigma, oracle.score(x, alpha, sigma), rtol=1e-4, atol=1e-4)


# -- the way back


def test_a_step_of_the_chain_is_the_posterior_by_enumeration(generator) -> None:
    """q(x_{t-1} | x_t, x_0) over a fine grid, from q(x_t | x_{t-1}) and q(x_{t-1} | x_0)."""
    process = ddpm(timesteps=50)
    now, clean, noised = 20, 0.7, -0.4
    beta = np.linspace(20 * 1e-4, 20 * 0.02, 50)[now - 1]
    grid = np.linspace(-6, 6, 200_001)
    before = process.alpha_bar[now - 1]
    log = -((noised - math.sqrt(1 - beta) * grid) ** 2) / (2 * beta)
    log -= (grid - math.sqrt(before) * clean) ** 2 / (2 * (1 - before))
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = (weight * grid).sum()
    variance = (weight * (grid - mean) ** 2).sum()
    alpha, sigma = scales(process, now)
    known = torch.full((400_000, 1), clean).double()
    noise = (noised - alpha * known) / sigma
    drawn = process.step(known, noise, now, now - 1, 1.0, generator)
    assert float(drawn.mean()) == pytest.approx(mean, abs=5 * math.sqrt(variance / 400_000))
    assert float(drawn.var()) == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_fresh_noise_has_the_spread_of_equation_16_and_the_rest_is_kept(eta, generator) -> None:
    """Over x_0 and noise at random, x at the earlier step has the variance of q(x_then | x_0)."""
    process, now, then = ddpm(timesteps=100), 60, 40
    before, after = process.alpha_bar[now], process.alpha_bar[then]
    sigma = eta * math.sqrt((1 - after) / (1 - before)) * math.sqrt(1 - before / after)
    clean = torch.full((200_000, 1), 0.5).double()
    fixed = process.step(clean, torch.ones_like(clean), now, then, eta, generator)
    assert float(fixed.std()) == pytest.approx(sigma, rel=0.01)
    drawn = process.step(clean, torch.randn(clean.shape, generator=generator).double(), now, then,
                         eta, generator)  # fmt: skip
    assert float(drawn.mean()) == pytest.approx(0.5 * math.sqrt(after), abs=0.01)
    assert float(drawn.var()) == pytest.approx(1 - after, rel=0.02)


def test_ddim_brings_a_single_point_back_in_any_number_of_steps(generator) -> None:
    """For one data point the right answer leads straight to it."""
    process, point = ddpm(), torch.tensor([0.3, -0.8]).double()

    def model(x: Tensor, time: float) -> Tensor:
        alpha, sigma = scales(process, round(time * 1_000))
        return (x - alpha * point) / sigma

    noise = torch.randn(30, 2, generator=generator).double()
    for steps in (1, 2, 7, 50):
        sample = last(process, model, noise, generator, steps=steps)
        assert torch.allclose(sample, point.expand_as(sample), atol=1e-3)


def test_ddim_with_all_steps_is_the_flow_of_its_equation(generator) -> None:
    """Of Gaussian data N(m, s^2) the probability flow keeps each point's standard score."""
    process, mean, std = ddpm(), 0.4, 0.5

    def model(x: Tensor, time: float) -> Tensor:
        alpha, sigma = scales(process, round(time * 1_000))
        return sigma * (x - alpha * mean) / ((alpha * std) ** 2 + sigma**2)

    noise = torch.randn(200, 1, generator=generator).double()
    alpha, sigma = scales(process, 1_000)
    standard = (noise - alpha * mean) / math.sqrt((alpha * std) ** 2 + sigma**2)
    errors = [
        float((last(process, model, noise, generator, steps=n) - mean - std * standard).abs().max())
        for n in (100, 1_000)
    ]
    assert errors[1] < 0.01
    assert errors[1] < 0.25 * errors[0]


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize(("eta", "steps"), [(0.0, 100), (1.0, 250)])
def test_with_the_true_score_samples_are_of_the_mixture(prediction, eta, steps, generator) -> None:
    process = ddpm(prediction, timesteps=250)
    noise = torch.randn(4_000, 2, generator=generator).double()
    sample = last(process, perfect(process), noise, generator, steps=steps, eta=eta)
    assert sample.mean(0).tolist() == pytest.approx(oracle.MEAN.tolist(), abs=0.1)
    assert sample.var(0).tolist() == pytest.approx(oracle.VARIANCE.tolist(), rel=0.1)
    nearest = torch.cdist(sample, oracle.CENTERS).argmin(1)
    assert (nearest.bincount() / 4_000).tolist() == pytest.approx([1 / 3] * 3, abs=0.04)
    around = (sample - oracle.CENTERS[nearest]).std(0)
    assert around.tolist() == pytest.approx(oracle.STD.tolist(), rel=0.15)


def test_the_chain_draws_noise_and_ddim_none() -> None:
    process = ddpm(timesteps=10)
    noise = torch.randn(5, 2).double()

    def run(eta: float, seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return last(process, perfect(process), noise, generator, steps=10, eta=eta)

    assert torch.equal(run(0.0, 1), run(0.0, 2))
    assert not torch.equal(run(1.0, 1), run(1.0, 2))


def test_what_is_beyond_the_data_is_cut_and_the_noise_fits(generator) -> None:
    process = ddpm()
    x = torch.randn(6, 2, generator=generator).double()
    clean, noise = process.bounded(x, torch.full_like(x, -9.0), 400, 1.0)
    assert bool((clean.abs() <= 1).all())
    alpha, sigma = scales(process, 400)
    assert torch.allclose(alpha * clean + sigma * noise, x, atol=1e-6)


@pytest.mark.parametrize("steps", [1, 3, 7, 10])
def test_the_way_begins_at_noise_and_ends_at_data(steps, generator) -> None:
    process, asked = ddpm(timesteps=10), []

    def model(x: Tensor, time: float) -> Tensor:
        asked.append(round(time * 10))
        return torch.zeros_like(x)

    states = list(process.path(model, torch.ones(1, 1), Sampling(steps=steps), generator))
    assert len(states) == len(asked) == steps
    assert asked[0] == 10
    assert asked == sorted(set(asked), reverse=True)
    assert asked[-1] >= 1
