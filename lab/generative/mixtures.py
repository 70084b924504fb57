"""Count the modes that samples cover, for sources whose modes are known."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lab.data.data import Data
from lab.errors import UsageError
from lab.generative.vectors import Examples, rows, spans, squared_distances


class Modes(NamedTuple):
    """modes: how many are covered. high_quality: fraction of samples near one. mode_kl: KL
    divergence, in nats, of the near samples' distribution over modes from the uniform one; NaN
    where none is near. distance: total variation of all samples' distribution from the uniform one,
    where samples near no mode are a category of their own: 0 where all modes get equally many, 1
    where no sample is near one."""

    modes: int
    high_quality: float
    mode_kl: float
    distance: float


def mode_coverage(
    samples: Examples, centers: Examples, std: float, deviations: float = 3.0, least: int = 1
) -> Modes:
    """Judge samples [N, D] by Gaussians of standard deviation `std` around centers [K, D].

    A sample is of high quality within `deviations` standard deviations of its nearest center; a
    mode is covered by `least` such samples (Srivastava et al., 2017, section 4.1; Lin et al., 2018,
    section 4.1, count alike). Real points are not all of high quality: in the plane 98.9 % are.
    """
    points, middles = rows(samples), rows(centers)
    counts = torch.zeros(len(middles), dtype=torch.long)
    for span in spans(len(points), len(middles)):
        squares, which = squared_distances(points[span], middles).min(1)
        counts += which[squares <= (deviations * std) ** 2].bincount(minlength=len(middles))
    near = int(counts.sum())
    return Modes(
        modes=int((counts >= least).sum()),
        high_quality=near / len(points),
        mode_kl=_from_even(counts),
        distance=_variation(counts, len(points)),
    )


def _from_even(counts: Tensor) -> float:
    """Return KL(fractions || uniform) in nats."""
    fractions = counts.double() / counts.sum()
    return float(torch.special.xlogy(fractions, fractions * len(counts)).sum())


def _variation(counts: Tensor, samples: int) -> float:
    """Return half of sum |fraction - uniform fraction|, what is near no mode included."""
    fractions = counts.double() / samples
    return float(((fractions - 1 / len(counts)).abs().sum() + 1 - fractions.sum()) / 2)


def mixture_of(data: Data) -> tuple[Tensor, float]:
    """Return the centers [K, D] of a source that has them, and the standard deviation around them.

    Raises UsageError where the source has no factor `center`.
    """
    center = data.dataset.factors.get("center")
    if center is None:
        raise UsageError(f"{data.request.data} does not say where its modes are (factor center)")
    around = rows(data.dataset.inputs) - rows(center)
    return torch.unique(rows(center), dim=0), float(around.square().mean().sqrt())
