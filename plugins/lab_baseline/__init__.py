"""Offer baselines for networks: scikit-learn's methods, on the same data, with the same metrics."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.metrics import CLASSIFICATION_METRICS, REGRESSION_METRICS
from lab_baseline.presets import PRESETS


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="baseline",
        summary="Neighbors, support vectors, linear models, forests and boosting, as baselines",
        config="lab_baseline.config:Config",
        experiment="lab_baseline.baseline:Baseline",
        presets=PRESETS,
        capabilities={"predict": "lab.capabilities:Predict"},
        metrics={**CLASSIFICATION_METRICS, **REGRESSION_METRICS},
    )
