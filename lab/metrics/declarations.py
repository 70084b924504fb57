"""Declare what the metrics of a classifier, a regression and a segmentation mean, for their specs.

    ExperimentSpec(..., metrics={"train/loss": "cross-entropy", **CLASSIFICATION_METRICS})

Nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Mapping

_INTERVAL = {"low": "lower end of its 95 % interval", "high": "upper end of its 95 % interval"}


def _declared(
    metrics: Mapping[str, str], intervals: tuple[str, ...], counted: str
) -> Mapping[str, str]:
    """Return full names: each metric on both splits, and what "test" alone has."""
    per_split = {
        f"{split}/{name}": words for split in ("eval", "test") for name, words in metrics.items()
    }
    ends = {
        f"test/{name}_{end}": f"{name}: {words}"
        for name in intervals
        for end, words in _INTERVAL.items()
    }
    return {**per_split, **ends, "test/n": counted}


CLASSIFICATION_METRICS = _declared(
    {
        "loss": "mean loss",
        "accuracy": "fraction of right answers",
        "top5": "fraction with the right class among the five likeliest, where there are more",
        "macro_f1": "mean F1 over classes",
        "ece": "expected calibration error",
    },
    ("accuracy", "top5"),
    "samples of the test set",
)
REGRESSION_METRICS = _declared(
    {
        "mse": "mean squared error",
        "mae": "mean absolute error",
        "r2": "fraction of the variance that is explained",
    },
    ("mse", "mae"),
    "samples of the test set",
)
SEGMENTATION_METRICS = _declared(
    {
        "loss": "mean loss",
        "pixel_accuracy": "fraction of right pixels",
        "miou": "mean intersection over union of the classes that occur",
    },
    (),
    "pictures of the test set",
)
