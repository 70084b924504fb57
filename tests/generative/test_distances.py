"""Distances of sets are those of closed forms, of scipy and of double loops."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.generative import fid, frechet_distance, kid, prdc
from lab.generative.vectors import squared_distances


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# -- Fréchet distance


def test_equal_gaussians_are_at_zero() -> None:
    cov = torch.tensor([[2.0, 0.5], [0.5, 1.0]])
    assert frechet_distance(torch.ones(2), cov, torch.ones(2), cov) == pytest.approx(0, abs=1e-12)


def test_gaussians_that_are_shifted_are_as_far_as_their_means() -> None:
    mean, cov = torch.tensor([3.0, -4.0]), torch.tensor([[2.0, 0.5], [0.5, 1.0]])
    assert frechet_distance(torch.zeros(2), cov, mean, cov) == pytest.approx(25)


@given(
    ours=st.lists(st.floats(0, 9), min_size=3, max_size=3),
    theirs=st.lists(st.floats(0, 9), min_size=3, max_size=3),
)
def test_diagonal_covariances_have_a_closed_form(ours, theirs) -> None:
    expected = sum((math.sqrt(a) - math.sqrt(b)) ** 2 for a, b in zip(ours, theirs, strict=True))
    first, second = (torch.diag(torch.tensor(values)) for values in (ours, theirs))
    zero = torch.zeros(3)
    assert frechet_distance(zero, first, zero, second) == pytest.approx(expected, abs=1e-4)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), d=st.integers(1, 12))
def test_it_is_that_of_scipys_square_root(seed, d) -> None:
    factors = normal(seed, 2, d, d + 2)
    a, b = factors @ factors.mT
    means = normal(seed + 1, 2, d)
    root = scipy.linalg.sqrtm(a.numpy() @ b.numpy()).real
    expected = ((means[0] - means[1]) ** 2).sum() + (a + b).trace() - 2 * np.trace(root)
    distance = frechet_distance(means[0], a, means[1], b)
    assert distance == pytest.approx(float(expected), rel=1e-6)
    assert distance == pytest.approx(frechet_distance(means[1], b, means[0], a), rel=1e-6)


def test_singular_covariances_are_no_trouble() -> None:
    """Along perpendicular lines no mass is shared: the distance is the sum of the variances."""
    a, b = torch.zeros(5, 5), torch.zeros(5, 5)
    a[0, 0], b[1, 1] = 4.0, 9.0
    zero = torch.zeros(5)
    assert frechet_distance(zero, a, zero, b) == pytest.approx(13)
    assert frechet_distance(zero, a, zero, a) == pytest.approx(0, abs=1e-12)
    few = normal(0, 6, 64)  # of rank 5
    assert fid(few, few) == pytest.approx(0, abs=1e-6)
    assert fid(few, few + 1) == pytest.approx(64, rel=1e-9)


def test_fid_of_samples_nears_that_of_their_gaussians() -> None:
    real, fake = normal(0, 50_000, 2), 2 * normal(1, 50_000, 2) + 1
    assert fid(real.float(), fake.numpy()) == pytest.approx(2 + 2, rel=0.03)


def test_fid_says_what_cannot_be_measured() -> None:
    broken = normal(0, 8, 3)
    broken[2, 1] = math.nan
    assert math.isnan(fid(normal(1, 8, 3), broken))
    with pytest.raises(ValueError, match="no covariance"):
        fid(normal(0, 1, 3), normal(1, 8, 3))


# -- kernel


def brute_kid(real: np.ndarray, fake: np.ndarray) -> float:
    """Bińkowski et al. (2018), section 4, by loops."""

    def k(a, b):
        return (float(a @ b) / len(a) + 1) ** 3

    def within(x):
        pairs = [k(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j]
        return sum(pairs) / (len(x) * (len(x) - 1))

    between = np.mean([k(a, b) for a, b in itertools.product(real, fake)])
    return within(real) + within(fake) - 2 * float(between)


@pytest.mark.parametrize(("n", "m", "d"), [(7, 5, 3), (2, 2, 1), (4, 9, 6)])
def test_kid_is_that_of_a_double_loop(n, m, d, monkeypatch) -> None:
    real, fake = normal(0, n, d), normal(1, m, d) + 0.5
    expected = brute_kid(real.numpy(), fake.numpy())
    assert kid(real, fake).value == pytest.approx(expected)
    monkeypatch.setattr("lab.generative.vectors.BLOCK", 8)  # in blocks
    assert kid(real, fake).value == pytest.approx(expected)


def test_kid_of_a_subset_of_all_is_that_of_all() -> None:
    real, fake = normal(0, 20, 4), normal(1, 20, 4)
    assert kid(real, fake, size=20).std == pytest.approx(0, abs=1e-12)


def test_kid_is_without_bias_and_tells_its_spread() -> None:
    draws = [kid(normal(2 * i, 30, 4), normal(2 * i + 1, 30, 4)) for i in range(200)]
    values = np.array([estimate.value for estimate in draws])
    assert abs(values.mean()) < 4 * values.std() / math.sqrt(len(values))
    assert (values < 0).any()
    assert all(estimate.std > 0 for estimate in draws)
    assert kid(normal(0, 30, 4), normal(1, 30, 4) + 1).value > values.max()


def test_kid_draws_nothing() -> None:
    before = torch.get_rng_state()
    first = kid(normal(0, 30, 4), normal(1, 30, 4))
    assert first == kid(normal(0, 30, 4), normal(1, 30, 4))
    assert torch.equal(before, torch.get_rng_state())


# -- balls


def brute_prdc(real: np.ndarray, fake: np.ndarray, k: int, wide: int) -> dict[str, float]:
    """Kynkäänniemi et al. (2019), equation 1; Naeem et al. (2020), equations 5 and 6."""

    def radius(x, i, k):
        return sorted(np.linalg.norm(x[i] - x[j]) for j in range(len(x)) if j != i)[k - 1]

    def gap(i, j):
        return np.linalg.norm(real[i] - fake[j])

    reals, fakes = range(len(real)), range(len(fake))
    near = [radius(real, i, k) for i in reals]
    far = [radius(real, i, wide) for i in reals]
    theirs = [radius(fake, j, k) for j in fakes]
    return {
        "precision": np.mean([any(gap(i, j) <= near[i] for i in reals) for j in fakes]),
        "recall": np.mean([any(gap(i, j) <= theirs[j] for j in fakes) for i in reals]),
        "density": sum(gap(i, j) <= far[i] for i in reals for j in fakes) / (wide * len(fake)),
        "coverage": np.mean([any(gap(i, j) <= far[i] for j in fakes) for i in reals]),
    }


@pytest.mark.parametrize("seed", range(4))
def test_balls_are_those_of_loops(seed, monkeypatch) -> None:
    real, fake = normal(seed, 17, 2), 1.5 * normal(seed + 9, 13, 2) + 0.5
    expected = brute_prdc(real.numpy(), fake.numpy(), 2, 4)
    assert prdc(real, fake, 2, 4) == pytest.approx(expected)
    monkeypatch.setattr("lab.generative.vectors.BLOCK", 40)
    assert prdc(real, fake, 2, 4) == pytest.approx(expected)


def test_equal_sets_have_all_and_sets_apart_nothing() -> None:
    real = normal(0, 40, 3)
    same = prdc(real, real)
    assert same["precision"] == same["recall"] == same["coverage"] == 1
    assert same["density"] >= 1
    assert set(prdc(real, real + 1_000).values()) == {0.0}


def test_examples_over_and_over_have_balls_without_extent() -> None:
    real = normal(0, 4, 3).repeat(8, 1) + 100
    assert prdc(real, real)["precision"] == 1
    assert prdc(real, real + 1e-3)["precision"] == 0


def test_one_mode_of_two_is_precise_and_recalls_half() -> None:
    near, far = normal(0, 100, 2), normal(1, 100, 2) + 50
    scores = prdc(torch.cat([near, far]), normal(2, 200, 2))
    assert scores["precision"] > 0.8
    assert 0.35 < scores["recall"] <= 0.5
    assert 0.35 < scores["coverage"] <= 0.5


def test_too_few_neighbors_are_said() -> None:
    with pytest.raises(ValueError, match="no 5 neighbors"):
        prdc(normal(0, 5, 2), normal(1, 50, 2))


def test_equal_rows_are_at_zero_and_broken_ones_nowhere() -> None:
    x = normal(0, 50, 8) * 1e3 + 1e5
    assert squared_distances(x, x).diagonal().abs().max() == 0
    assert squared_distances(x, torch.full((1, 8), math.nan).double()).isnan().all()


def test_a_thousand_samples_take_no_time() -> None:
    """Processor time: the machine may be busy with other things."""
    real, fake = normal(0, 1_000, 64), normal(1, 1_000, 64)
    for measure in (fid, kid, prdc):
        measure(real, fake)
        begun = time.process_time()
        measure(real, fake)
        assert time.process_time() - begun < 1
