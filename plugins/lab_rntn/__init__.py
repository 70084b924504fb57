"""Offer recursive networks over trees: tensors, matrices, Tree-LSTMs; classes of nodes, parsing."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.metrics import NODE_METRICS, PARSING_METRICS
from lab_rntn.presets import PRESETS


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="rntn",
        summary="Recursive networks over trees: tensor networks, Tree-LSTMs, and parsing",
        config="lab_rntn.config:Config",
        experiment="lab_rntn.rntn:RNTN",
        presets=PRESETS,
        capabilities={"predict": "lab_rntn.config:Predict"},
        metrics={
            "train/loss": "loss of the training batches, a mean over nodes",
            "train/node_accuracy": "fraction of right nodes in the training batches",
            "train/violations": "fraction of trees that a wrong one comes too close to",
            "train/lr": "learning rate",
            **NODE_METRICS,
            **PARSING_METRICS,
        },
    )
