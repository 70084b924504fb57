"""Tell from logged metrics whether adversarial training is healthy.

Nothing heavy is imported: the spec declares what the verdicts mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

LARGEST_LOSS = 1e4
WON_ACCURACY = 0.99  # on reals and fakes together
VANISHED_GRADIENT = 1e-6
LEAST_DIVERSITY = 0.2  # where real examples have 1
LEAST_COVERAGE = 0.3  # where real examples have about 0.97
GOOD_PRECISION = 0.5

VERDICTS = {
    "healthy": "1 where nothing is wrong with adversarial training",
    "collapsed": "1 where samples are alike",
    "discriminator_won": "1 where the discriminator leaves nothing to learn",
    "diverged": "1 where a number is not finite or a loss is huge",
}
HEALTH_METRICS = {
    f"{split}/{name}": words for split in ("eval", "test") for name, words in VERDICTS.items()
}

Metrics = Mapping[str, float]


class Health(NamedTuple):
    """verdict: "healthy", "collapsed", "discriminator won" or "diverged"; and why."""

    verdict: str
    why: str

    def figures(self) -> dict[str, float]:
        """Return the verdict as metrics, each 0 or 1, under the names of `HEALTH_METRICS`."""
        verdict = self.verdict.replace(" ", "_")
        return {name: float(name == verdict) for name in VERDICTS}


def health(logged: Metrics | Sequence[Metrics], window: int = 5) -> Health:
    """Judge one row of metrics, or the last `window` rows of a log, by the mean of each metric.

    Names may be bare or full (`train/d_loss`), and none is needed:

    - d_loss, g_loss, and any other: diverged where one is not finite in the last row, or a loss is
      beyond 10,000;
    - diversity (see `generative.diversity`) below 0.2, or coverage below 0.3 while precision is 0.5
      or more: the samples are good and few. Collapsed;
    - d_accuracy, the discriminator's accuracy on reals and fakes, of 0.99 or more, or g_gradient,
      the norm of the generator's gradient, below 1e-6: the discriminator won, nothing is learned
      from it.

    The first that holds is the verdict. A Wasserstein critic has no accuracy: it should separate
    reals and fakes well. These are rules of thumb: they point to what to look at.
    """
    table = [logged] if isinstance(logged, Mapping) else list(logged)[-window:]
    rows = [{name.rpartition("/")[2]: value for name, value in row.items()} for row in table]
    if not rows:
        return Health("healthy", "nothing is known against it")
    mean = _means(rows)
    return _diverged(rows[-1], mean) or _collapsed(mean) or _won(mean) or _healthy(mean)


def _means(table: Sequence[Metrics]) -> dict[str, float]:
    names = {name for row in table for name in row}
    values = {name: [row[name] for row in table if name in row] for name in sorted(names)}
    return {name: sum(column) / len(column) for name, column in values.items()}


def _diverged(last: Metrics, mean: Metrics) -> Health | None:
    for name, value in last.items():
        if not math.isfinite(value):
            return Health("diverged", f"{name} is {value}")
    for name, value in mean.items():
        if name.endswith("loss") and not abs(value) <= LARGEST_LOSS:
            return Health("diverged", f"{name} is {value:.3g}")
    return None


def _collapsed(mean: Metrics) -> Health | None:
    spread = mean.get("diversity", 1.0)
    if spread < LEAST_DIVERSITY:
        return Health("collapsed", f"samples are {spread:.2g} times as far apart as real examples")
    covered, good = mean.get("coverage", 1.0), mean.get("precision", 0.0)
    if covered < LEAST_COVERAGE and good >= GOOD_PRECISION:
        return Health("collapsed", f"samples are good, but near {covered:.0%} of the data only")
    return None


def _won(mean: Metrics) -> Health | None:
    accuracy = mean.get("d_accuracy", 0.5)
    if accuracy >= WON_ACCURACY:
        return Health("discriminator won", f"it tells {accuracy:.1%} right")
    gradient = mean.get("g_gradient", 1.0)
    if gradient < VANISHED_GRADIENT:
        return Health("discriminator won", f"the generator's gradient is {gradient:.1g}")
    return None


def _healthy(mean: Metrics) -> Health:
    judged = {"d_loss", "g_loss", "diversity", "coverage", "d_accuracy", "g_gradient"} & set(mean)
    if not judged:
        return Health("healthy", "nothing is known against it")
    return Health("healthy", f"by {', '.join(sorted(judged))}")
