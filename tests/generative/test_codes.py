"""Components and probes are scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits
from sklearn.decomposition import PCA

from lab.generative import principal, probe
from lab.generative import principal_components as module

# -- principal components


@pytest.fixture(scope="module")
def digits():
    images, labels = load_digits(return_X_y=True)
    return torch.tensor(images / 16), torch.tensor(labels)


@pytest.mark.parametrize(("rows", "size"), [(900, 8), (900, 64), (40, 8)])
@pytest.mark.parametrize("closed_form", [1_200, 10])
def test_components_are_sklearns(rows, size, closed_form, digits, monkeypatch) -> None:
    """By each of the ways to compute them: covariance, products, iteration."""
    monkeypatch.setattr(module, "CLOSED_FORM", closed_form)
    x, test = digits[0][:rows], digits[0][900:]
    theirs = PCA(size, svd_solver="full").fit(x.numpy())
    ours = principal(x, size)
    again = theirs.inverse_transform(theirs.transform(test.numpy()))
    expected = np.square(test.numpy() - again).sum(1).mean()
    assert ours.error(test) == pytest.approx(expected, rel=1e-3, abs=1e-9)
    assert ours.variances.numpy() == pytest.approx(theirs.explained_variance_, rel=1e-2, abs=1e-9)
    back = ours.decode(ours.encode(test))
    assert float((back - test).square().sum(1).mean()) == pytest.approx(ours.error(test), abs=1e-9)


def test_codes_of_all_dimensions_lose_nothing(digits) -> None:
    images = digits[0].reshape(-1, 1, 8, 8)
    assert principal(images, 100).error(images) == pytest.approx(0, abs=1e-9)
    assert principal(images[:1], 3).components.shape == (1, 64)


# -- probes


def test_probes_read_digits_from_pixels_and_nothing_from_noise(digits) -> None:
    x, y = digits
    good = probe(x[:900], y[:900], x[900:], y[900:])
    assert min(good.values()) > 0.9
    assert set(good) == {"knn_accuracy", "linear_accuracy"}
    noise = torch.randn(len(y), 8)
    assert max(probe(noise[:900], y[:900], noise[900:], y[900:]).values()) < 0.25


def test_probes_of_values_explain_variance() -> None:
    x, y = load_diabetes(return_X_y=True)
    scores = probe(x[:300], y[:300], x[300:], y[300:])
    assert set(scores) == {"knn_r2", "linear_r2"}
    assert 0.4 < scores["linear_r2"] < 0.7
