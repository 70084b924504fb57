"""Offer convolutional networks: LeNet to DenseNet, transfer learning, and segmentation by FCNs."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.metrics import CLASSIFICATION_METRICS, SEGMENTATION_METRICS
from lab_cnn.presets import PRESETS


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="cnn",
        summary="Convolutional networks: LeNet to DenseNet, transfer learning, segmentation",
        config="lab_cnn.config:Config",
        experiment="lab_cnn.cnn:CNN",
        presets=PRESETS,
        capabilities={"predict": "lab.capabilities:Predict", "export": "lab.capabilities:Export"},
        metrics={
            "train/loss": "loss of the training batches, auxiliary heads included",
            "train/accuracy": "accuracy by example, or by pixel, in the training batches",
            "train/lr": "learning rate",
            "eval/gradient_*": "gradient norm of each layer, with --layer-stats",
            **CLASSIFICATION_METRICS,
            **SEGMENTATION_METRICS,
        },
    )
