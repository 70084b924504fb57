"""Linear autoencoders learn what has a closed form: principal components, and their
probabilistic model."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lab


def columns(network, split: str) -> np.ndarray:
    """Return the inputs of a split in the network's scale [N, D]."""
    batches = network.examples.batches(split)
    return torch.cat([network.examples.inputs(batch).flatten(1) for batch in batches]).numpy()


def components(x: np.ndarray, size: int) -> np.ndarray:
    return np.linalg.svd(x - x.mean(0), full_matrices=False)[2][:size]


def test_a_tied_linear_autoencoder_spans_the_principal_subspace(train) -> None:
    """Baldi and Hornik (1989): the minimum is the projection on the first components."""
    result = train(
        data="wine",
        hidden=(),
        tied=True,
        latent_dim=3,
        lr=1e-2,
        schedule="linear",
        budget=40_000,
        eval_every=40_000,
        batch_size=64,
    )
    network = lab.load(result.dir, checkpoint="last")
    seen, held_out = columns(network, "train"), columns(network, "test")
    first = components(seen, 3)
    projected = (held_out - seen.mean(0)) @ first.T @ first + seen.mean(0)
    truth = ((held_out - projected) ** 2).sum(1).mean()
    assert result.summary["test"]["test/pca_reconstruction"] == pytest.approx(truth, rel=1e-5)
    assert result.summary["test"]["test/reconstruction"] == pytest.approx(truth, rel=0.01)
    own = np.linalg.qr(network.net.encoder[-1].weight.detach().numpy().T)[0]
    cosines = np.linalg.svd(first @ own)[1]  # of the angles between the two subspaces
    assert cosines.min() > 0.999


@pytest.mark.usefixtures("odd_sources")
def test_a_linear_variational_autoencoder_is_probabilistic_pca(train) -> None:
    """Tipping and Bishop (1999), equations 3.7 and 3.8; a linear encoder's posterior of independent
    numbers can be the true one, so that the bound is tight (Lucas et al., 2019)."""
    result = train(
        data="gaussian",
        kind="vae",
        hidden=(),
        latent_dim=2,
        learn_sigma=True,
        lr=1e-2,
        schedule="linear",
        budget=100_000,
        eval_every=100_000,
        batch_size=64,
        iwae=32,
    )
    network = lab.load(result.dir, checkpoint="last")
    seen, held_out = columns(network, "train"), columns(network, "test")
    values, vectors = np.linalg.eigh(np.cov(seen.T, bias=True))
    noise = values[:4].mean()
    ways = vectors[:, 4:] * np.sqrt(values[4:] - noise)
    covariance = ways @ ways.T + noise * np.eye(6)
    apart = held_out - seen.mean(0)
    inner = np.einsum("ni,ij,nj->n", apart, np.linalg.inv(covariance), apart)
    size = np.linalg.slogdet(2 * np.pi * covariance)[1]
    truth = -0.5 * (size + inner.mean())
    test = result.summary["test"]
    assert test["test/elbo"] == pytest.approx(truth, abs=0.02)
    assert test["test/iwae"] == pytest.approx(truth, abs=0.02)
    assert network.net.log_sigma.exp().item() ** 2 == pytest.approx(noise, rel=0.03)
    assert test["test/active_units"] == 2
