"""Offer Transformers: of pictures, sentences and sequences, by one block."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.metrics import (
    ANSWER_METRICS,
    CLASSIFICATION_METRICS,
    LANGUAGE_MODEL_METRICS,
    REGRESSION_METRICS,
    TRANSLATION_METRICS,
)
from lab_transformer.presets import PRESETS


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="transformer",
        summary="Transformers: ViT, encoders of text and sequences, answers from a text",
        config="lab_transformer.config:Config",
        experiment="lab_transformer.transformer:Transformer",
        presets=PRESETS,
        capabilities={
            "predict": "lab.capabilities:PredictAny",
            "sample": "lab.capabilities:Write",
            "export": "lab.capabilities:Export",
        },
        metrics={
            "train/loss": "loss of the training batches",
            "train/accuracy": "accuracy in the training batches, by example or by step",
            "train/token_accuracy": "fraction of right words, each after the true ones before it",
            "train/lr": "learning rate",
            "eval/gradient_*": "gradient norm of each layer, with --layer-stats",
            **CLASSIFICATION_METRICS,
            **REGRESSION_METRICS,
            **ANSWER_METRICS,
            **TRANSLATION_METRICS,
            **LANGUAGE_MODEL_METRICS,
        },
    )
