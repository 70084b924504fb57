"""The exact answers are those of torch.distributions, and learning comes nearer to them."""

from __future__ import annotations

import helpers
import pytest
import torch
from diffusion import oracle

from lab_diffusion.ddpm import DDPM
from lab_diffusion.exact import Mixture, score_errors
from lab_diffusion.flow import Flow
from lab_diffusion.schedules import alpha_bar

CPU = torch.device("cpu")
MIXTURE = Mixture(oracle.CENTERS, oracle.STD)


@pytest.mark.parametrize("sigma", [0.01, 0.3, 0.99])
def test_means_are_those_of_the_density(sigma, generator) -> None:
    alpha = (1 - sigma**2) ** 0.5
    x = torch.randn(50, 2, generator=generator).double()
    scales = torch.full((50, 1), alpha).double(), torch.full((50, 1), sigma).double()
    assert torch.allclose(MIXTURE.clean(x, *scales), oracle.clean(x, alpha, sigma), atol=1e-6)
    assert torch.allclose(MIXTURE.noise(x, *scales), oracle.noise(x, alpha, sigma), atol=1e-4)


@pytest.mark.parametrize(
    "process", [DDPM(alpha_bar("linear", 10), "v", torch.device("cpu")), Flow()]
)
def test_a_wrong_answer_is_as_wrong_as_its_noise(process, generator) -> None:
    time, noise = torch.full((6,), 0.5), torch.randn(6, 2, generator=generator)
    x = process.noised(oracle.CENTERS[:1].float().expand(6, 2), noise, time)
    alpha, sigma = process.scales(time, x)
    known = MIXTURE.noise(x, alpha, sigma)
    clean = MIXTURE.clean(x, alpha, sigma)
    right = process.target(clean, known, time)
    assert float(score_errors(MIXTURE, process, x, right, time).max()) < 1e-8
    # answers of which the noise is 0.1 too large and the data fit: x stays what it is
    wrong = process.target(clean - 0.1 * sigma / alpha, known + 0.1, time)
    assert score_errors(MIXTURE, process, x, wrong, time).tolist() == pytest.approx(
        [0.01] * 6, rel=1e-4
    )


@pytest.mark.parametrize("method", ["ddpm", "flow"])
def test_learning_finds_the_score(method, train) -> None:
    result = train(
        method=method, hidden=(64, 64), lr=3e-3, batch_size=128,
        budget=32_000, eval_every=32_000, ema=0.99, steps=20,
    )  # fmt: skip
    before, after = helpers.column(result.dir, "eval/score_error")
    assert after < 0.5 * before
