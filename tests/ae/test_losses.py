"""Losses and densities equal what scipy, sampling, automatic differentiation and loops give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch.autograd.functional import jacobian

from lab_ae import losses
from lab_ae.config import Config
from lab_ae.objectives import Quantizing, Reconstructing, Variational, binarized, corrupted


def test_losses_are_sums_over_dimensions_and_means_over_examples() -> None:
    outputs, targets = torch.randn(5, 1, 4, 3), torch.rand(5, 1, 4, 3)
    by_hand = ((outputs - targets).numpy() ** 2).reshape(5, -1).sum(1).mean()
    assert losses.squared_error(outputs, targets).item() == pytest.approx(by_hand, rel=1e-5)
    chance = 1 / (1 + np.exp(-outputs.double().numpy()))
    x = targets.double().numpy()
    nats = -(x * np.log(chance) + (1 - x) * np.log(1 - chance)).reshape(5, -1).sum(1)
    assert losses.cross_entropy(outputs, targets).item() == pytest.approx(nats.mean(), rel=1e-5)
    log_likelihood = losses.log_bernoulli(targets.flatten(1), outputs.flatten(1))
    assert log_likelihood.numpy() == pytest.approx(-nats, rel=1e-5)


def test_gaussian_likelihoods_are_scipys() -> None:
    means, x = torch.randn(5, 6), torch.randn(5, 6)
    log_sigma = torch.tensor(0.3).log()
    truth = stats.norm(means.numpy(), 0.3).logpdf(x.numpy()).sum(1)
    log_likelihood = losses.gaussian(means, x, log_sigma)
    assert log_likelihood.item() == pytest.approx(-truth.mean(), rel=1e-5)
    assert losses.log_normal(x, means, log_sigma).numpy() == pytest.approx(truth, rel=1e-5)


def test_the_kl_divergence_is_what_sampling_finds() -> None:
    mean, logvar = torch.randn(3, 4), torch.randn(3, 4)
    kl = losses.kl_divergence(mean, logvar)
    rng, scale = np.random.default_rng(0), np.exp(0.5 * logvar.numpy())
    z = mean.numpy() + scale * rng.normal(size=(200_000, 3, 4))
    apart = stats.norm(mean.numpy(), scale).logpdf(z) - stats.norm().logpdf(z)
    assert kl.numpy() == pytest.approx(apart.sum(2).mean(0), rel=0.02)


def test_the_sparsity_penalty_is_the_divergence_of_two_coins() -> None:
    code = torch.rand(50, 3)
    active = code.mean(0).double().numpy()
    truth = sum(stats.entropy([0.1, 0.9], [a, 1 - a]) for a in active)
    assert losses.sparsity(code, 0.1).item() == pytest.approx(truth, rel=1e-4)
    assert losses.sparsity(torch.full((4, 3), 0.1), 0.1).item() == pytest.approx(0, abs=1e-6)
    assert losses.sparsity(torch.zeros(4, 3), 0.1).isfinite()


def test_penalties_of_the_code_are_means_over_examples_by_their_weights(make_net) -> None:
    options: dict[str, Any] = {
        "code_activation": "sigmoid",
        "sparsity": 0.1,
        "sparsity_cost": 2.0,
        "l1": 0.5,
    }
    net, x = make_net(**options), torch.rand(6, 1, 4, 3)
    loss, parts = Reconstructing(Config(**options), False, torch.Generator())(net, {"inputs": x})
    code = net.encode(x).detach()
    size = np.abs(code.numpy()).sum(1).mean()
    assert parts["l1"].item() == pytest.approx(size, rel=1e-5)
    expected = parts["reconstruction_loss"] + 2 * losses.sparsity(code, 0.1) + 0.5 * size
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "gelu"])
@pytest.mark.parametrize(
    "options",
    [
        {"hidden": (7, 5)},
        {"hidden": (7, 5), "tied": True, "code_activation": "sigmoid"},
        {"hidden": (256, 128), "arch": "cnn", "width": 3, "code_activation": "tanh"},
    ],
    ids=["mlp", "tied", "cnn"],
)
def test_the_contractive_penalty_is_the_jacobians_norm(make_net, activation, options) -> None:
    net = make_net(contractive=0.5, activation=activation, **options)
    x = torch.rand(3, 1, 4, 3)
    truth = sum(
        jacobian(lambda row: net.encode(row[None])[0], example).square().sum() for example in x
    )
    assert net(x).jacobian.item() == pytest.approx(truth.item(), rel=1e-4)
    loss, parts = Reconstructing(Config(contractive=0.5), False, torch.Generator())(
        net, {"inputs": x}
    )
    assert parts["jacobian"].item() == pytest.approx(truth.item() / 3, rel=1e-4)
    expected = parts["reconstruction_loss"] + 0.5 * truth / 3
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_penaltys_gradient_is_that_of_differences(make_net) -> None:
    net = make_net(contractive=1.0, activation="tanh").double()
    x = torch.rand(3, 1, 4, 3, dtype=torch.double)
    weight = net.encoder[1].weight
    (gradient,) = torch.autograd.grad(net(x).jacobian, weight)
    for place in ((0, 0), (3, 5), (6, 11)):
        ends = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                weight[place] += step
                ends.append(net(x).jacobian.item())
                weight[place] -= step
        assert gradient[place].item() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4)


@pytest.mark.parametrize("noise", ["masking", "gaussian"])
def test_the_target_of_denoising_is_clean(make_net, generator, noise) -> None:
    config = Config(noise=noise, noise_level=0.4)
    objective, net = Reconstructing(config, False, generator), make_net()
    x = torch.rand(64, 1, 4, 3) + 0.1
    batch = objective.prepare({"inputs": x})
    seen = batch["corrupted"]
    assert torch.equal(batch["inputs"], x)
    assert not torch.equal(seen, x)
    truth = (net.decode(net.encode(seen)) - x).square().sum() / 64
    assert objective(net, batch)[0].item() == pytest.approx(truth.item(), rel=1e-5)


def test_noise_is_of_the_level_that_was_asked(generator) -> None:
    x = torch.full((1_000, 20), 0.5)
    masked = corrupted(x, Config(noise="masking", noise_level=0.3), generator)
    assert set(masked.unique().tolist()) == {0.0, 0.5}
    assert (masked == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    added = corrupted(x, Config(noise="gaussian", noise_level=0.3), generator) - x
    assert added.std().item() == pytest.approx(0.3, abs=0.01)
    assert added.mean().item() == pytest.approx(0, abs=0.01)


def test_drawn_bits_are_on_as_often_as_pixels_are_bright(generator) -> None:
    x = torch.tensor([0.0, 0.2, 0.9, 1.0]).expand(20_000, 4)
    drawn = binarized(x, Config(kind="vae", binarize="drawn"), generator)
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert drawn.mean(0).tolist() == pytest.approx([0.0, 0.2, 0.9, 1.0], abs=0.015)
    cut = binarized(x, Config(kind="vae", binarize="threshold"), generator)
    assert cut[0].tolist() == [0.0, 0.0, 1.0, 1.0]


def test_the_variational_loss_is_the_negative_bound(make_net, generator) -> None:
    """With the same noise, by scipy's densities; beta weighs the divergence alone."""
    net = make_net(kind="vae", loss="mse", sigma=0.5)
    x, noise = torch.rand(6, 1, 4, 3), torch.randn(6, 4)
    config = Config(kind="vae", loss="mse", sigma=0.5, beta=3.0, latent_dim=4)
    objective = Variational(config, False, generator, lambda: 0.0)
    loss, parts = objective(net, {"inputs": x, "noise": noise})
    mean, logvar = (parameter.detach() for parameter in net.posterior(x))
    z = mean + noise * (0.5 * logvar).exp()
    outputs = net.decode(z).detach().numpy()
    likely = stats.norm(outputs, 0.5).logpdf(x.numpy()).reshape(6, -1).sum(1).mean()
    spread = logvar.exp().numpy()
    kl = 0.5 * (mean.numpy() ** 2 + spread - 1 - logvar.numpy()).sum(1).mean()
    assert parts["kl"].item() == pytest.approx(kl, rel=1e-4)
    assert loss.item() == pytest.approx(3 * kl - likely, rel=1e-4)


def test_the_divergence_is_warmed_up(generator) -> None:
    now = [0.0]
    config = Config(kind="vae", beta=2.0, kl_warmup_fraction=0.5)
    objective = Variational(config, True, generator, lambda: now[0])
    weights = []
    for now[0] in (0.0, 0.25, 0.5, 1.0):
        weights.append(objective.weight)
    assert weights == [0.0, 1.0, 2.0, 2.0]


def test_the_warmed_weight_is_what_counts(make_net, generator) -> None:
    net, x = make_net(kind="vae", conditional=True), torch.rand(6, 1, 4, 3)
    config = Config(kind="vae", kl_warmup_fraction=0.5, conditional=True, latent_dim=4)
    objective = Variational(config, True, generator, lambda: 0.125)
    batch = objective.prepare({"inputs": x, "classes": torch.tensor([0, 1, 2, 0, 1, 2])})
    assert batch["kl_weight"].shape == ()  # one for the whole batch
    loss, parts = objective(net, batch)
    expected = parts["reconstruction_loss"] + 0.25 * parts["kl"]
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_log_variances_are_kept_finite(make_net) -> None:
    net = make_net(kind="vae")
    with torch.no_grad():
        net.encoder[-1].bias.fill_(1e6)
    assert net.posterior(torch.rand(2, 1, 4, 3))[1].exp().isfinite().all()


# -- the codebook's sides


@pytest.mark.parametrize("codebook", ["ema", "gradient"])
def test_gradients_reach_the_right_sides(make_net, codebook) -> None:
    """The reconstruction's gradient passes straight to the encoder, and not to the entries; the
    commitment pulls the encoder, and only without running means are entries pulled, by 1 to 0.25.
    """
    config = {"kind": "vq", "tokens": 2, "entries": 5, "codebook": codebook}
    net, x = make_net(**config), torch.rand(6, 1, 4, 3)
    objective = Quantizing(Config(**config, latent_dim=4), False)
    outputs = net(x)
    outputs.vectors.retain_grad()
    outside = outputs.vectors.detach().requires_grad_()
    chosen = net.codebook.entries.detach()[outputs.indices].requires_grad_()
    straight = (outside + (chosen - outside).detach()).view(6, 4)
    missed = (net.decode(straight) - x).square().sum() / 6
    (through,) = torch.autograd.grad(missed, outside)

    class Answered:
        def __call__(self, inputs):
            return outputs

    objective(Answered(), {"inputs": x})[0].backward()
    apart = 2 * (outside - chosen).detach() / 6
    assert torch.allclose(outputs.vectors.grad, through + 0.25 * apart, atol=1e-5)
    if codebook == "ema":
        assert not any(p is net.codebook.entries for p in net.parameters())
        return
    pulled = torch.zeros(5, 2).index_add_(0, outputs.indices, -apart)
    assert torch.allclose(net.codebook.entries.grad, pulled, atol=1e-6)
