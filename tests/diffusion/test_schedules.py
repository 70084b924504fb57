"""Schedules are those of the papers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lab_diffusion.schedules import SCHEDULES, alpha_bar, cosine, linear


def test_the_linear_schedule_is_that_of_ho_et_al() -> None:
    betas = linear(1_000)
    assert betas.numpy() == pytest.approx(np.linspace(1e-4, 0.02, 1_000), rel=1e-12)
    left = alpha_bar("linear", 1_000)
    assert left[-1] == pytest.approx(4.0358e-5, rel=1e-4)  # their L_T is 1e-5 bits a dimension
    by_hand = np.cumprod(1 - np.linspace(1e-4, 0.02, 1_000))
    assert left[1:].numpy() == pytest.approx(by_hand, rel=1e-10)


def test_fewer_steps_end_about_where_a_thousand_do() -> None:
    ends = [float(alpha_bar("linear", steps)[-1].log()) for steps in (500, 1_000, 4_000)]
    assert max(ends) - min(ends) < 0.15 * abs(ends[1])


@pytest.mark.parametrize("timesteps", [10, 1_000])
def test_the_cosine_schedule_is_that_of_nichol_and_dhariwal(timesteps) -> None:
    def f(t: float) -> float:
        return math.cos((t / timesteps + 0.008) / 1.008 * math.pi / 2) ** 2

    left = alpha_bar("cosine", timesteps)
    expected = [f(t) / f(0) for t in range(timesteps)]  # the last beta is cut to 0.999
    assert left[:-1].numpy() == pytest.approx(expected, rel=1e-9)
    assert float(cosine(timesteps)[-1]) == pytest.approx(0.999)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("timesteps", [2, 7, 50, 1_000])
def test_noise_only_grows(name, timesteps) -> None:
    left = alpha_bar(name, timesteps)
    assert left.shape == (timesteps + 1,)
    assert left.dtype == torch.float64
    assert left[0] == 1
    assert bool((left.diff() < 0).all())
    assert float(left[-1]) > 0
