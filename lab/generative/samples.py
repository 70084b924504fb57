"""Measure the samples of any generator alike: distances, copies, variety, and modes if known."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lab.data.data import Data
from lab.generative.domain import FeatureMetrics
from lab.generative.mixtures import mixture_of, mode_coverage
from lab.generative.vectors import Examples, rows, squared_distances

MOST = 1_000  # examples that are compared with one another


def measure_samples(
    samples: Tensor, split: str, data: Data, domain: FeatureMetrics
) -> dict[str, float]:
    """Return the figures of samples [N, ...] in the source's own units that `SAMPLE_METRICS`
    declares, those of `domain.measure` among them."""
    metrics = domain.measure(samples, split)
    memory = domain.memorization(samples, split)
    metrics |= {"nearer": memory.nearer, "copies": memory.copies, "distance": metrics["fid"]}
    prepared = (data.info.prepare_inputs(x) for x in (samples, spaced(data, split)["inputs"]))
    metrics["diversity"] = diversity(*prepared)
    if "center" in data.dataset.factors:
        modes = mode_coverage(samples, *mixture_of(data))
        metrics |= {name: float(value) for name, value in modes._asdict().items()}
    for name in ("diversity", "mode_kl"):  # of equal real examples; of no sample near any mode
        if math.isnan(metrics.get(name, 0.0)):
            del metrics[name]
    return metrics


def spaced(data: Data, split: str, most: int = MOST) -> dict[str, Tensor]:
    """Return a batch of evenly spaced examples of a split, the same ones each time."""
    part = data.part(split)
    return part.take(torch.linspace(0, len(part) - 1, min(len(part), most)).long().to(part.device))


def diversity(samples: Examples, real: Examples) -> float:
    """Return the mean distance of two samples, where that of two real examples is 1; of the first
    thousand of each. It is NaN where all real examples are equal."""
    apart, natural = (_mean_distance(examples) for examples in (samples, real))
    return apart / natural if natural > 0 else math.nan


def _mean_distance(examples: Examples) -> float:
    x = rows(examples[:MOST])
    distances = squared_distances(x, x).sqrt()
    return float(distances.sum()) / max(1, len(x) * (len(x) - 1))
