"""Declare what the metrics of this package mean, for the specs of experiments.

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
REGRESSION_METRICS: Mapping[str, str] = {
    "test/error_90": "nine of ten values lie within this of their prediction, where there is one",
    **_declared(
        {
            "mse": "mean squared error",
            "mae": "mean absolute error",
            "r2": "fraction of the variance that is explained",
        },
        ("mse", "mae"),
        "samples of the test set",
    ),
}
SEGMENTATION_METRICS = _declared(
    {
        "loss": "mean loss",
        "pixel_accuracy": "fraction of right pixels",
        "miou": "mean intersection over union of the classes that occur",
    },
    (),
    "pictures of the test set",
)
TOKEN_METRICS = _declared(
    {
        "token_accuracy": "fraction of right tokens",
        "exact_match": "fraction of sequences whose tokens are all right",
    },
    ("exact_match",),
    "sequences of the test set",
)
LANGUAGE_MODEL_METRICS: Mapping[str, str] = {
    "test/ngram_bits_per_*": "the same of an n-gram model, which is to be beaten",
    **_declared(
        {
            "loss": "cross-entropy of a token, in nats",
            "perplexity": "exponential of the cross-entropy of a token",
            "bits_per_token": "cross-entropy of a token, in bits",
            "bits_per_character": "cross-entropy of a character of the text, in bits",
            "bits_per_byte": "cross-entropy of a byte of the text, in bits",
        },
        (),
        "tokens of the test set",
    ),
}
ERROR_RATE_METRICS = _declared(
    {
        "error_rate": "edits over the length of the references",
        "exact_match": "fraction of sequences without an edit",
    },
    ("exact_match",),
    "sequences of the test set",
)
TRANSLATION_METRICS = _declared(
    {
        "loss": "cross-entropy of a target's token after the true ones before it, in nats",
        "perplexity": "exponential of the same",
        "token_accuracy": "fraction of right tokens after the true ones before them",
        "error_rate": "edits of what is written over the length of the targets, in tokens",
        "exact_match": "fraction of sentences that are written without an edit",
        "bleu": "BLEU of all that is written together, from 0 to 100",
    },
    ("exact_match",),
    "sentences of the test set",
)
ANSWER_METRICS = _declared(
    {
        "exact_match": "fraction of answers whose words are those of a right one",
        "f1": "mean F1 of the words of an answer",
    },
    ("exact_match", "f1"),
    "questions of the test set",
)
FORECAST_METRICS = _declared(
    {
        "mae": "mean absolute error",
        "mase": "absolute error over that of repeating the past, in the past",
    },
    ("mae", "mase"),
    "series of the test set",
)
NODE_METRICS = _declared(
    {
        "loss": "cross-entropy of a node's class, in nats",
        "accuracy": "fraction of roots with the right class",
        "node_accuracy": "fraction of nodes with the right class",
        "binary_accuracy": "fraction of roots, but neutral ones, on the right side of neutral",
        "negation_accuracy": "fraction of roots with the right class, where a word negates",
    },
    ("accuracy", "binary_accuracy", "negation_accuracy"),
    "trees of the test set",
)
PARSING_METRICS = _declared(
    {
        "precision": "fraction of found brackets that are right",
        "recall": "fraction of right brackets that are found",
        "f1": "their harmonic mean",
        "exact_match": "fraction of trees whose brackets are all right",
        "labeled_precision": "fraction of found brackets that are right with their class",
        "labeled_recall": "fraction of right brackets that are found with their class",
        "labeled_f1": "their harmonic mean",
        "labeled_exact_match": "fraction of trees whose brackets and classes are all right",
    },
    ("exact_match", "labeled_exact_match"),
    "trees of the test set",
)
