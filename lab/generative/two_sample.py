"""Test whether real and generated examples can be told apart."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from lab.statistics import wilson


class TwoSample(NamedTuple):
    """accuracy: mean of the accuracies on reals and on fakes, with a 95 % interval.
    p: probability of an accuracy at least as good where the sets are alike.
    verdict: "told apart", "indistinguishable", or "undecided" where there are too few examples."""

    accuracy: float
    low: float
    high: float
    p: float
    n: int
    verdict: str


def indistinguishable(
    real_logits: Tensor, fake_logits: Tensor, alpha: float = 0.05, margin: float = 0.05
) -> TwoSample:
    """Judge by a discriminator's logits [N] and [M] (above 0: real) on examples that it has not
    seen, the reals held out and the fakes fresh (Lopez-Paz and Oquab, 2017).

    "told apart" where Fisher's exact test has p < `alpha`: it assumes independent examples,
    but neither equal counts nor a threshold in the middle. "indistinguishable" where the interval
    ends below one half plus `margin`: that a few examples could not be told apart says nothing.
    This holds for one discriminator; another one may see more.
    """
    from scipy.stats import fisher_exact

    reals, fakes = _predicted_real(real_logits), _predicted_real(fake_logits)
    hits, false = sum(reals), sum(fakes)
    n, m = len(reals), len(fakes)
    if not n or not m:
        raise ValueError("nothing to test: one of the sets is empty")
    table = [[hits, n - hits], [false, m - false]]
    p = float(fisher_exact(table, alternative="greater").pvalue)
    low, high = _interval(hits / n, n, false / m, m)
    if p < alpha:
        verdict = "told apart"
    else:
        verdict = "indistinguishable" if high < 0.5 + margin else "undecided"
    return TwoSample((1 + hits / n - false / m) / 2, low, high, p, n + m, verdict)


def _predicted_real(logits: Tensor) -> list[bool]:
    """Return which examples are classified as real."""
    predicted: list[bool] = (logits.detach().flatten() > 0).tolist()
    return predicted


def _interval(p: float, n: int, q: float, m: int) -> tuple[float, float]:
    """Return an interval of (1 + p - q) / 2: Newcombe's (1998, method 10) of a difference of
    proportions, from those of Wilson."""
    p_low, p_high = wilson(p, n)
    q_low, q_high = wilson(q, m)
    gap = p - q
    least = gap - math.hypot(p - p_low, q_high - q)
    most = gap + math.hypot(p_high - p, q - q_low)
    return max(0.0, (1 + least) / 2), min(1.0, (1 + most) / 2)
