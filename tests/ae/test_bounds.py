"""Bounds of the likelihood hold where it is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Independent, MultivariateNormal, Normal

from lab_ae.bounds import bounds_of, log_mean_exp

D, K = 5, 2


class LinearGaussian:
    """z ~ N(0, I), x = W z + b + noise: p(x) is a Gaussian and so is p(z|x) (Bishop, 2006, 12.2).

    The encoder's posterior is the true one, widened by `wrong`.
    """

    def __init__(self, wrong: float = 0.0) -> None:
        self.w = torch.randn(D, K, dtype=torch.float64)
        self.b = torch.randn(D, dtype=torch.float64)
        self.std = 0.7
        inner = torch.eye(K, dtype=torch.float64) + self.w.T @ self.w / self.std**2
        self.cov = inner.inverse()
        self.scale = torch.linalg.cholesky(self.cov) * (1 + wrong)

    def log_p(self, x):
        cov = self.w @ self.w.T + self.std**2 * torch.eye(D, dtype=torch.float64)
        return MultivariateNormal(self.b, cov).log_prob(x)

    def posterior(self, x):
        mean = (x - self.b) @ self.w @ self.cov / self.std**2
        return MultivariateNormal(mean, scale_tril=self.scale)

    def estimate(self, x, samples, chunk=16):
        return bounds_of(
            x,
            draw=lambda x, k: self.posterior(x).sample((k,)),
            log_likelihood=lambda x, z: Independent(
                Normal(z @ self.w.T + self.b, self.std), 1
            ).log_prob(x),
            log_prior=lambda z: Independent(Normal(torch.zeros_like(z), 1.0), 1).log_prob(z),
            log_posterior=lambda z, x: self.posterior(x).log_prob(z),
            samples=samples,
            chunk=chunk,
        )


def test_with_the_true_posterior_every_bound_is_the_likelihood() -> None:
    model = LinearGaussian()
    x = torch.randn(7, D, dtype=torch.float64)
    estimate = model.estimate(x, samples=3)
    for bound in (estimate.elbo, estimate.iwae):
        assert bound.numpy() == pytest.approx(model.log_p(x).numpy())
    assert estimate.ess.numpy() == pytest.approx(3)


def test_the_bound_tightens_with_samples() -> None:
    model = LinearGaussian(wrong=0.8)
    x = torch.randn(400, D, dtype=torch.float64)
    truth = float(model.log_p(x).mean())
    means = [float(model.estimate(x, samples=k).iwae.mean()) for k in (1, 5, 50, 1_000)]
    assert means == sorted(means)
    assert means[-1] == pytest.approx(truth, abs=0.02)
    assert means[0] < truth - 0.3
    estimate = model.estimate(x, samples=200)
    # KL of the widened posterior: K (s² - 1 - log s²) / 2
    gap = K * (1.8**2 - 1 - math.log(1.8**2)) / 2
    assert float(estimate.elbo.mean()) == pytest.approx(truth - gap, abs=0.1)
    assert (estimate.ess > 1).all()
    assert (estimate.ess < 200).all()


def test_chunks_change_nothing() -> None:
    model = LinearGaussian()
    x = torch.randn(4, D, dtype=torch.float64)
    for chunk in (1, 3, 100):
        estimate = model.estimate(x, samples=10, chunk=chunk)
        assert estimate.iwae.numpy() == pytest.approx(model.log_p(x).numpy())


def test_tiny_weights_do_not_vanish() -> None:
    values = torch.tensor([[-2000.0, 5.0], [-2001.0, 700.0]])
    expected = [-2000 + math.log((1 + math.exp(-1)) / 2), 700 - math.log(2)]
    assert log_mean_exp(values).tolist() == pytest.approx(expected)


def test_densities_that_are_not_summed_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not \[2, 3\]"):
        bounds_of(
            torch.zeros(3, 4),
            draw=lambda x, k: torch.zeros(k, 3, 1),
            log_likelihood=lambda x, z: torch.zeros(2, 3, 4),
            log_prior=lambda z: torch.zeros(2, 3, 1),
            log_posterior=lambda z, x: torch.zeros(2, 3, 1),
            samples=2,
        )
