"""Measure predictions over a split: classification, regression, segmentation.

Names load what they need when first used, so that the options stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "CLASSIFICATION_METRICS": "lab.metrics.declarations",
    "Classification": "lab.metrics.metrics",
    "REGRESSION_METRICS": "lab.metrics.declarations",
    "Regression": "lab.metrics.metrics",
    "SEGMENTATION_METRICS": "lab.metrics.declarations",
    "Segmentation": "lab.metrics.metrics",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.metrics.declarations import CLASSIFICATION_METRICS as CLASSIFICATION_METRICS
    from lab.metrics.declarations import REGRESSION_METRICS as REGRESSION_METRICS
    from lab.metrics.declarations import SEGMENTATION_METRICS as SEGMENTATION_METRICS
    from lab.metrics.metrics import Classification as Classification
    from lab.metrics.metrics import Regression as Regression
    from lab.metrics.metrics import Segmentation as Segmentation

__getattr__, __dir__ = attach(__name__, _HOME)
