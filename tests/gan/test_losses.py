"""Losses and penalties are those of the papers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from lab_gan.adversarial import clip_weights, interpolated, squared_gradient_norms
from lab_gan.losses import LOSSES

REAL = torch.tensor([-3.0, -0.5, 0.0, 0.7, 2.0])
FAKE = torch.tensor([1.5, -2.0, 0.3, -0.1, 0.9])
ONE, ZERO = torch.ones(5), torch.zeros(5)


def test_the_classifiers_losses_are_cross_entropies() -> None:
    on_real = binary_cross_entropy_with_logits(REAL, ONE, reduction="none")
    on_fake = binary_cross_entropy_with_logits(FAKE, ZERO, reduction="none")
    fooled = binary_cross_entropy_with_logits(FAKE, ONE, reduction="none")
    for name in ("non-saturating", "minimax"):
        assert torch.allclose(LOSSES[name].discriminator(REAL, FAKE), on_real + on_fake)
    assert torch.allclose(LOSSES["non-saturating"].generator(REAL, FAKE), fooled)
    assert torch.allclose(LOSSES["minimax"].generator(REAL, FAKE), -on_fake)


def test_minimax_teaches_nothing_where_the_discriminator_is_sure_and_the_other_does() -> None:
    for name, expected in (("minimax", 0.0), ("non-saturating", -1.0)):
        sure = torch.tensor([-30.0], requires_grad=True)
        LOSSES[name].generator(sure, sure).sum().backward()
        assert sure.grad == pytest.approx(expected, abs=1e-6)


def test_at_its_best_the_discriminator_measures_the_jensen_shannon_divergence() -> None:
    """Goodfellow et al. (2014), theorem 1, on two distributions over four values."""
    p, q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.4, 0.1, 0.1])
    m = (p + q) / 2
    divergence = (p * np.log(p / m) + q * np.log(q / m)).sum() / 2
    logits = nn.Parameter(torch.zeros(4, dtype=torch.double))
    weights = torch.tensor(p), torch.tensor(q)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12)
    loss = LOSSES["non-saturating"].discriminator

    def value() -> torch.Tensor:
        far = torch.full_like(logits, -1e3)  # softplus(-1000) is 0: one term at a time
        on_real = loss(logits, far) @ weights[0]
        return on_real + loss(-far, logits) @ weights[1]

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        objective = value()
        objective.backward()
        return objective

    optimizer.step(closure)
    assert float(value().detach()) == pytest.approx(np.log(4) - 2 * divergence, abs=1e-8)
    assert torch.allclose(logits.detach(), torch.tensor(np.log(p / q)), atol=1e-4)


def test_least_squares_wants_one_and_zero() -> None:
    squares = (mse_loss(REAL, ONE) + mse_loss(FAKE, ZERO)) / 2
    assert LOSSES["lsgan"].discriminator(REAL, FAKE).mean() == pytest.approx(float(squares))
    expected = mse_loss(FAKE, ONE) / 2
    assert LOSSES["lsgan"].generator(REAL, FAKE).mean() == pytest.approx(float(expected))


@pytest.mark.parametrize("name", ["wgan", "wgan-gp"])
def test_the_critics_loss_is_a_difference_of_means(name) -> None:
    assert LOSSES[name].discriminator(REAL, FAKE).mean() == pytest.approx(
        float(FAKE.mean() - REAL.mean())
    )
    assert LOSSES[name].generator(REAL, FAKE).mean() == pytest.approx(-float(FAKE.mean()))


def test_hinge_asks_for_a_margin() -> None:
    expected = np.maximum(0, 1 - REAL.numpy()) + np.maximum(0, 1 + FAKE.numpy())
    assert LOSSES["hinge"].discriminator(REAL, FAKE).numpy() == pytest.approx(expected)
    assert LOSSES["hinge"].generator(REAL, FAKE).numpy() == pytest.approx(-FAKE.numpy())


def test_relativistic_losses_see_only_differences() -> None:
    loss = LOSSES["relativistic"]
    gap = (REAL - FAKE).numpy()
    assert loss.discriminator(REAL, FAKE).numpy() == pytest.approx(np.log1p(np.exp(-gap)))
    assert loss.generator(REAL, FAKE).numpy() == pytest.approx(np.log1p(np.exp(gap)), rel=1e-5)
    moved = loss.discriminator(REAL + 5, FAKE + 5)
    assert torch.allclose(moved, loss.discriminator(REAL, FAKE), atol=1e-6)


# -- penalties


def test_the_slope_of_each_example_is_its_own(generator) -> None:
    x = torch.randn(6, 2, 3, generator=generator, requires_grad=True)
    score = x.flatten(1).square().sum(1)
    of_examples = 4 * x.detach().flatten(1).square().sum(1)  # the gradient is 2 x
    assert torch.allclose(squared_gradient_norms(score, x), of_examples)
    score = x.flatten(1).square().sum(1)
    assert torch.allclose(squared_gradient_norms(score, x, pack=2), of_examples.view(3, 2).sum(1))


@pytest.mark.parametrize("pack", [1, 2])
def test_slopes_are_looked_at_between_reals_and_fakes_a_pack_on_one_line(pack, generator) -> None:
    real, fake = torch.zeros(200, 1, 2, 2), torch.ones(200, 1, 2, 2)
    between = interpolated(real, fake, pack, generator).detach().view(200 // pack, -1)
    assert (
        between == between[:, :1]
    ).all()  # one mixing weight for all pixels of all images of a pack
    assert 0 <= between.min() < 0.1
    assert 0.9 < between.max() <= 1
    assert between[:, 0].unique().numel() == 200 // pack


def test_clipped_weights_are_within_their_bound(generator) -> None:
    net = nn.Linear(4, 4)
    before = [p.detach().clone() for p in net.parameters()]
    clip_weights(net, 0.1)
    for old, new in zip(before, net.parameters(), strict=True):
        assert torch.equal(new, old.clamp(-0.1, 0.1))
