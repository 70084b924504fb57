"""Measure predictions over a split: of classes, values, masks, tokens, texts, trees, forecasts.

Names load what they need when first used, so that the options stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "ANSWER_METRICS": "lab.metrics.declarations",
    "Answers": "lab.metrics.answers",
    "Bleu": "lab.metrics.bleu",
    "Brackets": "lab.metrics.parseval",
    "CLASSIFICATION_METRICS": "lab.metrics.declarations",
    "Classification": "lab.metrics.metrics",
    "ERROR_RATE_METRICS": "lab.metrics.declarations",
    "ErrorRate": "lab.metrics.error_rates",
    "FORECAST_METRICS": "lab.metrics.declarations",
    "Forecasts": "lab.metrics.forecasts",
    "LANGUAGE_MODEL_METRICS": "lab.metrics.declarations",
    "NODE_METRICS": "lab.metrics.declarations",
    "NodeClassification": "lab.metrics.nodes",
    "PARSING_METRICS": "lab.metrics.declarations",
    "Perplexity": "lab.metrics.sequences",
    "REGRESSION_METRICS": "lab.metrics.declarations",
    "Regression": "lab.metrics.metrics",
    "SEGMENTATION_METRICS": "lab.metrics.declarations",
    "Segmentation": "lab.metrics.metrics",
    "TOKEN_METRICS": "lab.metrics.declarations",
    "TRANSLATION_METRICS": "lab.metrics.declarations",
    "TokenAccuracy": "lab.metrics.sequences",
    "edit_distance": "lab.metrics.error_rates",
    "seasonal_scale": "lab.metrics.forecasts",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.metrics.answers import Answers as Answers
    from lab.metrics.bleu import Bleu as Bleu
    from lab.metrics.declarations import ANSWER_METRICS as ANSWER_METRICS
    from lab.metrics.declarations import CLASSIFICATION_METRICS as CLASSIFICATION_METRICS
    from lab.metrics.declarations import ERROR_RATE_METRICS as ERROR_RATE_METRICS
    from lab.metrics.declarations import FORECAST_METRICS as FORECAST_METRICS
    from lab.metrics.declarations import LANGUAGE_MODEL_METRICS as LANGUAGE_MODEL_METRICS
    from lab.metrics.declarations import NODE_METRICS as NODE_METRICS
    from lab.metrics.declarations import PARSING_METRICS as PARSING_METRICS
    from lab.metrics.declarations import REGRESSION_METRICS as REGRESSION_METRICS
    from lab.metrics.declarations import SEGMENTATION_METRICS as SEGMENTATION_METRICS
    from lab.metrics.declarations import TOKEN_METRICS as TOKEN_METRICS
    from lab.metrics.declarations import TRANSLATION_METRICS as TRANSLATION_METRICS
    from lab.metrics.error_rates import ErrorRate as ErrorRate
    from lab.metrics.error_rates import edit_distance as edit_distance
    from lab.metrics.forecasts import Forecasts as Forecasts
    from lab.metrics.forecasts import seasonal_scale as seasonal_scale
    from lab.metrics.metrics import Classification as Classification
    from lab.metrics.metrics import Regression as Regression
    from lab.metrics.metrics import Segmentation as Segmentation
    from lab.metrics.nodes import NodeClassification as NodeClassification
    from lab.metrics.parseval import Brackets as Brackets
    from lab.metrics.sequences import Perplexity as Perplexity
    from lab.metrics.sequences import TokenAccuracy as TokenAccuracy

__getattr__, __dir__ = attach(__name__, _HOME)
