"""Offer feed-forward networks: Rosenblatt's perceptron, and layers of any number and width."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.metrics import CLASSIFICATION_METRICS, REGRESSION_METRICS
from lab_mlp.presets import PRESETS


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="mlp",
        summary="Feed-forward networks: the perceptron, multi-layer and deep ones",
        config="lab_mlp.config:Config",
        experiment="lab_mlp.mlp:MLP",
        presets=PRESETS,
        capabilities={"predict": "lab.capabilities:Predict", "export": "lab.capabilities:Export"},
        metrics={
            "train/loss": "loss of the training batches",
            "train/accuracy": "accuracy in the training batches",
            "train/lr": "learning rate",
            "eval/gradient_*": "gradient norm of each layer, with --layer-stats",
            **CLASSIFICATION_METRICS,
            **REGRESSION_METRICS,
        },
    )
