"""Whether samples can be told from data is decided by exact tests."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import fisher_exact

from lab.generative import indistinguishable


def logits(right: int, n: int) -> torch.Tensor:
    """Logits of which `right` are above 0."""
    return torch.cat([torch.ones(right), -torch.ones(n - right)])


@pytest.mark.parametrize(
    ("hits", "n", "false", "m", "verdict"),
    [
        (90, 100, 10, 100, "told apart"),
        (1_020, 2_000, 1_000, 2_000, "indistinguishable"),
        (6, 10, 5, 10, "undecided"),
        (2_000, 2_000, 2_000, 2_000, "indistinguishable"),  # it takes all for real
        (900, 1_000, 45, 50, "undecided"),  # a threshold off the middle, and unequal counts
    ],
)
def test_a_discriminator_is_judged_by_fishers_exact_test(hits, n, false, m, verdict) -> None:
    result = indistinguishable(logits(hits, n), logits(false, m))
    assert result.verdict == verdict
    exact = fisher_exact([[hits, n - hits], [false, m - false]], alternative="greater")
    assert result.p == pytest.approx(exact.pvalue)
    assert result.accuracy == pytest.approx((hits / n + (m - false) / m) / 2)
    assert result.low <= result.accuracy <= result.high
    assert result.n == n + m


def test_of_sets_that_are_alike_few_are_told_apart() -> None:
    rejections = sum(
        indistinguishable(torch.randn(60), torch.randn(90)).verdict == "told apart"
        for _ in range(400)
    )
    assert rejections < 0.05 * 400 + 3 * math.sqrt(400 * 0.05 * 0.95)


def test_the_interval_covers_the_truth() -> None:
    held = 0
    for _ in range(300):
        result = indistinguishable(torch.randn(80) + 1, torch.randn(50))
        truth = (0.8413 + 0.5) / 2
        held += result.low <= truth <= result.high
    assert held >= 0.92 * 300


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        indistinguishable(torch.randn(0), torch.randn(3))
