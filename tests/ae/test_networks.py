"""Networks count tied weights once, take any size, know classes, and keep codebooks alive."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from lab_ae.codebook import Codebook, perplexity
from lab_ae.priors import fitted, standard_normal


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


# -- tied weights


def test_tied_weights_are_counted_and_written_once(make_net) -> None:
    net = make_net(hidden=(7, 5), tied=True)
    weights = 12 * 7 + 7 * 5 + 5 * 4
    assert count(net) == weights + (7 + 5 + 4) + (5 + 7 + 12)
    written = [v for n, v in net.state_dict().items() if n.endswith("weight")]
    assert sum(v.numel() for v in written) == weights


def test_a_tied_decoder_is_the_encoder_transposed(make_net) -> None:
    net = make_net(hidden=(7, 5), tied=True, activation="tanh")
    with torch.no_grad():
        for bias in net.decoder.biases:
            bias.normal_()
    first, second, third = (net.encoder[place].weight.detach().numpy() for place in (1, 3, 5))
    below, middle, above = (bias.detach().numpy() for bias in net.decoder.biases)
    code = torch.randn(3, 4)
    up = np.tanh(code.numpy() @ third + below)
    up = np.tanh(up @ second + middle)
    by_hand = (up @ first + above).reshape(3, 1, 4, 3)
    assert net.decode(code).detach().numpy() == pytest.approx(by_hand, abs=1e-5)


def test_a_tied_weight_learns_from_both_of_its_sides(make_net) -> None:
    """The gradient of |(x W^T + b) W - x|^2, with W in both places."""
    net, x = make_net(hidden=(), tied=True), torch.rand(6, 1, 4, 3)
    weight = net.encoder[-1].weight.detach().clone().requires_grad_()
    rows, bias = x.flatten(1), net.encoder[-1].bias.detach()
    ((rows @ weight.T + bias) @ weight - rows).square().sum().backward()
    (net(x).outputs - x).square().sum().backward()
    assert torch.allclose(net.encoder[-1].weight.grad, weight.grad, rtol=1e-4, atol=1e-5)


def test_a_copy_of_a_tied_network_is_tied_to_itself(make_net) -> None:
    net = make_net(tied=True)
    copied = copy.deepcopy(net)
    code = torch.randn(2, 4)
    before = net.decode(code)
    with torch.no_grad():
        copied.encoder[-1].weight.zero_()
    assert torch.equal(net.decode(code), before)
    assert not torch.equal(copied.decode(code), before)


# -- shapes


@pytest.mark.parametrize("kind", ["ae", "vae", "vq"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 27), (2, 5, 7), (1, 1, 1)], ids=str)
@pytest.mark.parametrize("norm", [False, True])
def test_convolutions_take_images_of_any_size(make_net, kind, shape, norm) -> None:
    net = make_net(shape, kind=kind, arch="cnn", width=4, norm=norm, hidden=(256, 128))
    x = torch.rand(3, *shape)
    noise = (torch.randn(3, 4),) if kind == "vae" else ()
    assert net(x, *noise).outputs.shape == x.shape
    assert net.encode(x).shape == (3, 4)
    assert net.reconstruct(x).shape == x.shape


@pytest.mark.parametrize("arch", ["mlp", "cnn"])
def test_conditional_networks_hear_of_the_class_on_both_sides(make_net, arch) -> None:
    size = {"width": 4, "hidden": (256, 128)} if arch == "cnn" else {}
    net = make_net(kind="vae", conditional=True, arch=arch, **size)
    x, code = torch.rand(2, 1, 4, 3), torch.randn(2, 4)
    ones, twos = torch.tensor([1, 1]), torch.tensor([2, 2])
    assert not torch.allclose(net.encode(x, ones), net.encode(x, twos))
    assert not torch.allclose(net.decode(code, ones), net.decode(code, twos))
    decoded = net.decode(code, torch.tensor([1, 2]))
    assert torch.allclose(decoded[0], net.decode(code, ones)[0], atol=1e-6)
    assert torch.allclose(decoded[1], net.decode(code, twos)[1], atol=1e-6)


def test_intensities_are_means_of_logits(make_net) -> None:
    x = torch.rand(2, 1, 4, 3)
    bits, means = make_net(kind="vae"), make_net(kind="vae", loss="mse")
    assert torch.equal(bits.reconstruct(x), bits.decode(bits.encode(x)).sigmoid())
    assert torch.equal(means.reconstruct(x), means.decode(means.encode(x)))


# -- the codebook


def test_the_nearest_entry_is_found(generator) -> None:
    book = Codebook(20, 3, means=True, restart=True, decay=0.9)
    vectors = torch.randn(50, 3)
    apart = np.linalg.norm(vectors.numpy()[:, None] - book.entries.numpy(), axis=2)
    nearest, indices = book(vectors)
    assert indices.tolist() == apart.argmin(1).tolist()
    assert torch.equal(nearest, book.entries[indices])


def test_entries_become_the_running_means_of_what_they_stand_for(generator) -> None:
    book = Codebook(4, 2, means=True, restart=False, decay=0.8)
    start = book.entries.clone()
    rng = np.random.default_rng(0)
    usage, sums = np.zeros(4), np.zeros((4, 2))
    for _ in range(5):
        vectors = rng.normal(size=(30, 2)).astype(np.float32)
        indices = rng.integers(0, 3, 30)  # nobody uses the last
        for k in range(4):
            usage[k] = 0.8 * usage[k] + 0.2 * (indices == k).mean()
            sums[k] = 0.8 * sums[k] + 0.2 * vectors[indices == k].sum(0) / 30
        book.learn(torch.from_numpy(vectors), torch.from_numpy(indices), generator)
    assert book.entries[:3].numpy() == pytest.approx(sums[:3] / usage[:3, None], abs=1e-5)
    assert torch.equal(book.entries[3], start[3])


@pytest.mark.parametrize("means", [True, False])
def test_dead_entries_move_to_present_codes_and_living_ones_stay(generator, means) -> None:
    book = Codebook(4, 2, means=means, restart=True, decay=0.5)
    vectors = torch.randn(40, 2) + 10
    everyone = torch.arange(40) % 4
    book.learn(vectors, everyone, generator)
    kept = book.entries.detach().clone()
    for _ in range(22):  # the last two are used no more, fade, and stay where they were moved to
        book.learn(vectors, everyone % 2, generator)
    moved = book.entries.detach()
    present = {tuple(v) for v in vectors.tolist()}
    assert all(tuple(v) in present for v in moved[2:].tolist())
    assert not torch.equal(moved[2:], kept[2:])
    if means:
        truth = [vectors[everyone % 2 == k].mean(0) for k in (0, 1)]
        assert torch.allclose(moved[:2], torch.stack(truth), atol=1e-4)
    else:
        assert torch.equal(moved[:2], kept[:2])


def test_perplexity_counts_entries_in_effect() -> None:
    assert perplexity(torch.arange(12) % 4, 10).item() == pytest.approx(4, rel=1e-5)
    assert perplexity(torch.zeros(9, dtype=torch.long), 10).item() == pytest.approx(1, rel=1e-5)
    probabilities = np.array([0.5, 0.25, 0.25])
    value = perplexity(torch.tensor([0, 0, 1, 2]), 3).item()
    assert value == pytest.approx(np.exp(-(probabilities * np.log(probabilities)).sum()), rel=1e-5)


# -- priors


def test_a_fitted_prior_draws_codes_like_those_it_saw(generator) -> None:
    rng = np.random.default_rng(0)
    ways = rng.normal(size=(3, 3))
    scales = np.array([1, 20, 0.05])  # each number in a unit of its own
    codes = (rng.normal(size=(4_000, 3)) @ ways + [5, -100, 0.1]) * scales
    drawn = fitted(torch.from_numpy(codes).float()).draw(50_000, generator).double().numpy()
    assert drawn.mean(0) / scales == pytest.approx(codes.mean(0) / scales, abs=0.1)
    assert np.cov((drawn / scales).T) == pytest.approx(np.cov((codes / scales).T), abs=0.2)


def test_codes_that_never_vary_can_be_fitted(generator) -> None:
    drawn = fitted(torch.full((30, 2), 3.0)).draw(5, generator)
    assert drawn.numpy() == pytest.approx(3, abs=1e-3)


def test_the_prior_of_a_variational_one_is_standard_normal(generator) -> None:
    drawn = standard_normal(3, torch.device("cpu")).draw(50_000, generator)
    assert np.cov(drawn.T) == pytest.approx(np.eye(3), abs=0.03)
