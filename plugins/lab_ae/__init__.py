"""Offer autoencoders: plain and regularized ones, variational ones, ones with a codebook."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.generative import DISTRIBUTION_METRICS
from lab_ae.presets import PRESETS

MEASURED = {
    "reconstruction": "squared error of reconstructions, summed over dimensions, by example",
    "train_reconstruction": "the same of training examples",
    "pca_reconstruction": "the same of as many principal components as a code has dimensions",
    "elbo": "lower bound of the log-likelihood in nats, unweighted",
    "iwae": "a tighter one, of --iwae samples",
    "kl": "KL divergence of codes from the prior in nats",
    "active_units": "dimensions of a code whose posterior mean varies with the input",
    "perplexity": "entries of the codebook that are in use, in effect",
    "knn_accuracy": "accuracy of nearest neighbors on codes",
    "linear_accuracy": "accuracy of a linear model on codes",
    "knn_r2": "fraction of the targets' variance that nearest neighbors on codes explain",
    "linear_r2": "fraction of the targets' variance that a linear model on codes explains",
}
PCA_METRICS = {
    f"pca_{n}": f"{n} of principal components" for n in MEASURED if n[-2:] in ("cy", "r2")
}
ENDS = {
    f"test/{name}_{end}": f"{name}: {word} end of its 95 % interval"
    for name in ("reconstruction", "elbo", "iwae")
    for end, word in (("low", "lower"), ("high", "upper"))
}


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="ae",
        summary="Autoencoders: plain, regularized, variational, vector-quantized",
        config="lab_ae.config:Config",
        experiment="lab_ae.ae:AE",
        presets=PRESETS,
        capabilities={
            "predict": "lab.capabilities:Predict",
            "sample": "lab.capabilities:Sample",
            "export": "lab_ae.config:Export",
        },
        metrics={
            "train/loss": "what is minimized, by example",
            "train/lr": "learning rate",
            "train/reconstruction_loss": "squared error, or nats, of the reconstruction",
            "train/jacobian": "squared norm of the code's Jacobian, by example",
            "train/sparsity": "KL divergence of mean activities from the target",
            "train/l1": "sum of a code's absolute values, by example",
            "train/kl": "KL divergence of codes from the prior, by example",
            "train/commitment": "squared distance of codes to their entries, by example",
            "train/perplexity": "entries of the codebook that a batch uses, in effect",
            **DISTRIBUTION_METRICS,
            **{
                f"{split}/{name}": text
                for split in ("eval", "test")
                for name, text in {**MEASURED, **PCA_METRICS}.items()
            },
            **ENDS,
            "test/n": "examples of the test set",
        },
    )
