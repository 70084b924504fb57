"""Flows follow straight lines, and their equation is solved to the order that a solver has."""

from __future__ import annotations

import math

import pytest
import torch
from diffusion import oracle
from torch import Tensor

from lab_diffusion.flow import Flow
from lab_diffusion.process import Sampling, at

CPU = torch.device("cpu")
MEAN, STD = 0.6, 0.5


def last(model, noise: Tensor, **how) -> Tensor:
    *_, sample = Flow().path(model, noise, Sampling(**how), torch.Generator())
    return sample


def gaussian(x: Tensor, time: float) -> Tensor:
    """The velocity of data N(MEAN, STD^2), E[noise - x_0 | x_t], by the rule for Gaussians."""
    variance = ((1 - time) * STD) ** 2 + time**2
    gap = (x - (1 - time) * MEAN) / variance
    return time * gap - (MEAN + (1 - time) * STD**2 * gap)


def mixture(x: Tensor, time: float) -> Tensor:
    if time == 1:
        return x - oracle.MEAN
    if time == 0:  # no noise is left: the data are what is there, noise is 0 in the mean
        return -x
    return oracle.noise(x, 1 - time, time) - oracle.clean(x, 1 - time, time)


def test_the_way_is_a_straight_line_and_the_target_its_velocity(generator) -> None:
    clean, noise = torch.randn(2, 4, 3, generator=generator).double()
    flow = Flow()
    early, late = (flow.noised(clean, noise, at(t, clean)) for t in (0.25, 0.75))
    assert torch.allclose(flow.noised(clean, noise, at(0.0, clean)), clean)
    assert torch.allclose(flow.noised(clean, noise, at(1.0, clean)), noise)
    assert torch.allclose(
        (late - early) / 0.5, flow.target(clean, noise, at(0.5, clean)), atol=1e-6
    )


def test_a_right_answer_gives_back_the_data_and_the_noise(generator) -> None:
    clean, noise = torch.randn(2, 9, 3, generator=generator).double()
    time = torch.linspace(0.1, 1, 9).double()
    flow = Flow()
    found = flow.parts(flow.noised(clean, noise, time), flow.target(clean, noise, time), time)
    assert torch.allclose(found[0], clean)
    assert torch.allclose(found[1], noise)


def test_the_score_is_that_of_the_density(generator) -> None:
    x = torch.randn(20, 2, generator=generator).double()
    noise = Flow().parts(x, mixture(x, 0.4), at(0.4, x).double())[1]
    assert torch.allclose(-noise / 0.4, oracle.score(x, 0.6, 0.4), atol=1e-6)


def test_training_times_are_uniform_and_evenly_spread(generator) -> None:
    drawn = torch.stack([Flow().times(10, generator, CPU) for _ in range(2_000)])
    assert float(drawn.min()) > 0
    assert float(drawn.max()) <= 1
    gaps = drawn.sort(1).values.diff(dim=1)
    assert torch.allclose(gaps, torch.full_like(gaps, 0.1), atol=1e-5)
    for place in (0, 7):
        assert float(drawn[:, place].mean()) == pytest.approx(0.5, abs=0.03)
        assert float(drawn[:, place].var()) == pytest.approx(1 / 12, rel=0.1)


def test_euler_is_exact_for_a_constant_velocity_and_heun_for_one_linear_in_time() -> None:
    noise = torch.tensor([[2.0]]).double()
    for steps in (1, 3):
        constant = last(lambda x, t: torch.full_like(x, 0.7), noise, steps=steps)
        assert float(constant) == pytest.approx(2 - 0.7)
        growing = last(lambda x, t: torch.full_like(x, t), noise, steps=steps, solver="heun")
        in_the_end = 0.5 / steps**2  # of the last step, which is Euler's
        assert float(growing) == pytest.approx(2 - 0.5 - in_the_end)
    assert float(last(lambda x, t: torch.full_like(x, t), noise, steps=1)) == pytest.approx(1)


@pytest.mark.parametrize(("solver", "order"), [("euler", 1), ("heun", 2)])
def test_the_error_falls_with_the_order_of_the_solver(solver, order, generator) -> None:
    """Of Gaussian data each point keeps its standard score."""
    noise = torch.randn(100, 1, generator=generator).double()
    errors = [
        float((last(gaussian, noise, steps=n, solver=solver) - MEAN - STD * noise).abs().max())
        for n in (40, 80)
    ]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize(("solver", "steps"), [("euler", 200), ("heun", 60)])
def test_with_the_true_velocity_samples_are_of_the_mixture(solver, steps, generator) -> None:
    noise = torch.randn(4_000, 2, generator=generator).double()
    sample = last(mixture, noise, steps=steps, solver=solver)
    assert sample.mean(0).tolist() == pytest.approx(oracle.MEAN.tolist(), abs=0.1)
    assert sample.var(0).tolist() == pytest.approx(oracle.VARIANCE.tolist(), rel=0.1)
    nearest = torch.cdist(sample, oracle.CENTERS).argmin(1)
    assert (nearest.bincount() / 4_000).tolist() == pytest.approx([1 / 3] * 3, abs=0.04)
    around = (sample - oracle.CENTERS[nearest]).std(0)
    assert around.tolist() == pytest.approx(oracle.STD.tolist(), rel=0.15)


def test_the_network_is_asked_once_or_twice_a_step_and_never_about_data() -> None:
    for solver, times in (("euler", [1.0, 0.5]), ("heun", [1.0, 0.5, 0.5])):
        asked: list[float] = []

        def model(x: Tensor, time: float, asked: list[float] = asked) -> Tensor:
            asked.append(time)
            return torch.zeros_like(x)

        last(model, torch.ones(1, 1), steps=2, solver=solver)
        assert asked == times
