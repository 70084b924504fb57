"""Offer capsule networks: layers of vectors that route themselves by agreement."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.metrics import CLASSIFICATION_METRICS
from lab_capsnet.presets import PRESETS


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="capsnet",
        summary="Capsule networks: dynamic routing, reconstruction, poses in vectors",
        config="lab_capsnet.config:Config",
        experiment="lab_capsnet.capsnet:CapsNet",
        presets=PRESETS,
        capabilities={
            "predict": "lab.capabilities:Predict",
            "export": "lab.capabilities:Export",
            "sample": "lab_capsnet.config:Sample",
        },
        metrics={
            "train/loss": "margin loss and weighted reconstruction error of the training batches",
            "train/margin_loss": "margin loss of the training batches",
            "train/reconstruction": "squared error of a reconstructed picture, summed over pixels",
            "train/accuracy": "accuracy in the training batches",
            "train/routing_entropy": "entropy of the routing coefficients; 1 where all are alike",
            "train/lr": "learning rate",
            "eval/gradient_*": "gradient norm of each layer, with --layer-stats",
            **CLASSIFICATION_METRICS,
            "eval/loss": "margin loss",
            "test/loss": "margin loss",
            "test/reconstruction": "squared error of a picture reconstructed from the capsule of "
            "the answer, summed over pixels",
        },
    )
