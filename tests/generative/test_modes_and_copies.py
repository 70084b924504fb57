"""Modes are counted as by hand; copies of training examples are found, fresh examples are not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import chi2, mannwhitneyu

import lab
from lab.data.batches import make_split
from lab.generative import diversity, memorization, mixture_of, mode_coverage, nearest
from lab.plugins import discover

SQUARE = torch.tensor([[0.0, 0.0], [0.0, 10.0], [10.0, 0.0], [10.0, 10.0]])


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# -- modes


def test_modes_are_counted_as_by_hand() -> None:
    samples = torch.tensor([[0.0, 2.9], [0.0, -3.1], [10.0, 10.0], [10.0, 12.0], [5.0, 5.0]])
    coverage = mode_coverage(samples, SQUARE, std=1.0)
    assert (coverage.modes, coverage.high_quality) == (2, 3 / 5)
    expected = sum(p * math.log(4 * p) for p in (1 / 3, 2 / 3))
    assert coverage.mode_kl == pytest.approx(expected)
    assert coverage.distance == pytest.approx((0.05 + 0.25 + 0.25 + 0.15 + 0.4) / 2)
    assert mode_coverage(samples, SQUARE, std=1.0, deviations=4).high_quality == 4 / 5
    assert mode_coverage(samples, SQUARE, std=1.0, least=2).modes == 1


def test_samples_near_no_mode_cover_none() -> None:
    coverage = mode_coverage(torch.full((5, 2), 5.0), SQUARE, std=1.0)
    assert (coverage.modes, coverage.high_quality, coverage.distance) == (0, 0, 1)
    assert math.isnan(coverage.mode_kl)
    assert mode_coverage(torch.full((5, 2), math.nan), SQUARE, std=1.0).high_quality == 0


@pytest.mark.parametrize("dimensions", [2, 5])
def test_the_share_of_real_points_is_chi_squareds(dimensions) -> None:
    samples = 0.1 * normal(0, 20_000, dimensions)
    fraction = mode_coverage(samples, torch.zeros(1, dimensions), 0.1).high_quality
    assert fraction == pytest.approx(chi2.cdf(9, dimensions), abs=0.005)


@pytest.mark.parametrize(("name", "modes"), [("ring", 8), ("grid", 25)])
def test_the_bundled_mixtures_tell_their_modes(name, modes, ctx) -> None:
    ctx._sources = discover().sources()
    data = ctx.data(lab.DataOptions(data=name, data_args={"n": 4_000, "std": 0.03}))
    centers, std = mixture_of(data)
    assert centers.shape == (modes, 2)
    assert std == pytest.approx(0.03, rel=0.05)
    coverage = mode_coverage(data.test.inputs, centers, std)
    assert coverage.modes == modes
    assert coverage.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.02)
    assert coverage.mode_kl < 0.01


def test_a_source_without_modes_is_refused(ctx) -> None:
    ctx._sources = discover().sources()
    with pytest.raises(lab.UsageError, match="does not say where its modes are"):
        mixture_of(ctx.data(lab.DataOptions(data="iris")))


# -- neighbors


@pytest.mark.parametrize("block", [2**22, 300])
def test_neighbors_are_those_of_a_full_search(block, monkeypatch) -> None:
    monkeypatch.setattr("lab.generative.neighbors.BLOCK", block)
    queries, references = normal(0, 23, 1, 3, 2), normal(1, 57, 1, 3, 2) + 100
    rows, distances = nearest(queries, references, count=3)
    gaps = queries.flatten(1).double()[:, None] - references.flatten(1).double()
    expected = gaps.square().sum(2).sqrt().sort(dim=1, stable=True)
    assert torch.equal(rows, expected.indices[:, :3])
    assert distances.numpy() == pytest.approx(expected.values[:, :3].numpy())


def test_a_copy_is_its_own_neighbor_at_exactly_zero() -> None:
    references = normal(0, 500, 64) + 1_000
    rows, distances = nearest(references[100:200], references)
    assert torch.equal(rows[:, 0], torch.arange(100, 200))
    assert distances.abs().max() == 0


def test_a_split_is_read_by_batch_and_bytes_keep_their_unit() -> None:
    images = np.random.default_rng(0).integers(0, 256, (90, 1, 4, 4), dtype=np.uint8)
    split = make_split(images, None, np.arange(10, 90), torch.device("cpu"), resident=False)
    rows, distances = nearest(images[20:25], split)
    assert rows[:, 0].tolist() == [10, 11, 12, 13, 14]
    assert distances.max() == 0
    with pytest.raises(ValueError, match="not in the same unit"):
        nearest(torch.zeros(1, 1, 4, 4), split)


# -- copies


def test_a_memorizer_is_found_out_and_the_distribution_is_not() -> None:
    train, held_out, fresh = normal(0, 600, 4), normal(1, 300, 4), normal(2, 300, 4)
    copies = memorization(train[:300], train, held_out)
    assert copies.copied
    assert copies.z < -10
    assert (copies.nearer, copies.copies) == (1, 1)
    honest = memorization(fresh, train, held_out)
    assert not honest.copied
    assert honest.nearer == pytest.approx(0.5, abs=0.08)
    assert honest.copies < 0.05
    assert memorization(train[:300] + 0.01 * fresh, train, held_out).copied
    assert memorization(3 * fresh, train, held_out).z > 3  # far from everything


def test_the_statistic_is_scipys() -> None:
    train, held_out, samples = normal(0, 50, 1), normal(1, 40, 1), normal(2, 30, 1)
    train, held_out, samples = ((10 * x).round() for x in (train, held_out, samples))  # ties
    ours, fresh = (nearest(x, train)[1].flatten().numpy() for x in (samples, held_out))
    expected = mannwhitneyu(ours, fresh, method="asymptotic", use_continuity=False)
    result = memorization(samples, train, held_out)
    assert 2 * 0.5 * math.erfc(abs(result.z) / math.sqrt(2)) == pytest.approx(expected.pvalue)
    assert result.nearer == pytest.approx(1 - expected.statistic / (30 * 40))


def test_distances_that_are_all_alike_say_nothing() -> None:
    zeros = torch.zeros(5, 2)
    assert memorization(zeros, zeros, zeros).z == 0


def test_diversity_is_1_for_real_examples_and_0_for_one_sample() -> None:
    real = normal(0, 400, 3)
    assert diversity(normal(1, 400, 3), real) == pytest.approx(1, abs=0.1)
    assert diversity(0.5 * normal(1, 400, 3), real) == pytest.approx(0.5, abs=0.05)
    assert diversity(torch.ones(50, 3), real) == 0
