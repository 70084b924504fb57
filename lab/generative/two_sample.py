"""Test whether real and generated examples can be told apart."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from lab.statistics import wilson


class TwoSample(NamedTuple):
    """accuracy: mean of the shares right among reals and among fakes, with a 95 % interval.
    p: chance of so good an accuracy, or a better one, where the sets are alike.
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

    "told apart" where Fisher's exact test has p < `alpha`: it asks no more than that examples are
    independent, neither equal counts nor a threshold in the middle. "indistinguishable" where the
    interval ends below one half plus `margin`: that a few examples could not be told apart says
    nothing. Of one discriminator, that is; another one may see more.
    """
    from scipy.stats import fisher_exact

    reals, fakes = _found(real_logits), _found(fake_logits)
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


def _found(logits: Tensor) -> list[bool]:
    """Return which examples are taken for real."""
    found: list[bool] = (logits.detach().flatten() > 0).tolist()
    return found


def _interval(one: float, n: int, other: float, m: int) -> tuple[float, float]:
    """Return an interval of (1 + one - other) / 2: Newcombe's (1998, method 10) of a difference of
    proportions, from those of Wilson."""
    low, high = wilson(one, n)
    other_low, other_high = wilson(other, m)
    gap = one - other
    least = gap - math.hypot(one - low, other_high - other)
    most = gap + math.hypot(high - one, other - other_low)
    return max(0.0, (1 + least) / 2), min(1.0, (1 + most) / 2)
