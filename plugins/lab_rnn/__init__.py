"""Offer recurrent networks: Elman's, LSTM and GRU, for labels, forecasts, speech and captions."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.metrics import (
    CLASSIFICATION_METRICS,
    FORECAST_METRICS,
    LANGUAGE_MODEL_METRICS,
    REGRESSION_METRICS,
    TRANSLATION_METRICS,
)
from lab_rnn.presets import PRESETS


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="rnn",
        summary="Recurrent networks: RNN, LSTM and GRU, over sequences, texts, series and clips",
        config="lab_rnn.config:Config",
        experiment="lab_rnn.rnn:RNN",
        presets=PRESETS,
        capabilities={
            "predict": "lab_rnn.config:Predict",
            "sample": "lab.capabilities:Write",
            "export": "lab.capabilities:Export",
        },
        metrics={
            "train/loss": "loss of the training batches",
            "train/accuracy": "accuracy, by example or by step, in the training batches",
            "train/token_accuracy": "fraction of right tokens after true ones, of captions",
            "train/lr": "learning rate",
            "eval/gradient_*": "gradient norm of each layer, with --layer-stats",
            **CLASSIFICATION_METRICS,
            **REGRESSION_METRICS,
            **FORECAST_METRICS,
            **LANGUAGE_MODEL_METRICS,
            **TRANSLATION_METRICS,
            **{
                f"{split}/mase_{name}": f"the same of {what}"
                for split in ("eval", "test")
                for name, what in (
                    ("seasonal", "the last season, repeated"),
                    ("linear", "a linear function of the past"),
                )
            },
        },
    )
