"""Declare what the metrics of generators mean, for their specs.

    ExperimentSpec(..., metrics={"train/loss": "-ELBO", **generative.DISTRIBUTION_METRICS})

Nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Mapping

_METRICS = {
    "fid": "Fréchet distance of features to held-out examples",
    "kid": "squared maximum mean discrepancy of features to held-out examples",
    "precision": "fraction of samples within the manifold of the data",
    "recall": "fraction of the data within the manifold of the samples",
    "density": "how densely real examples lie around samples",
    "coverage": "fraction of real examples with a sample near them",
}
_REFERENCES = {
    "real": "what other real examples get: the floor, or the ceiling",
    "memorizer": "what training examples get",
    "mixture": "what samples of a mixture of Gaussians get",
}


def _declared(metrics: Mapping[str, str]) -> Mapping[str, str]:
    return {
        f"{split}/{name}": words for split in ("eval", "test") for name, words in metrics.items()
    }


_SAMPLES = {
    "distance": "what selects: fid; of known modes, and of pairs of words, total variation",
    "nearer": "probability that a sample is nearer to the training data than a fresh example is",
    "copies": "fraction of samples nearer to the training data than 99 % of fresh examples",
    "diversity": "mean distance of two samples, where that of two real examples is 1",
    "modes": "modes of the source that samples cover",
    "high_quality": "fraction of samples within three standard deviations of a mode",
    "mode_kl": "divergence of the frequencies of the modes from even ones, in nats",
    "agreement": "fraction of samples that are of the requested class",
}

DISTRIBUTION_METRICS: Mapping[str, str] = {
    **_declared(_METRICS),
    **_declared({"kid_std": "standard deviation of the squared discrepancy among subsets"}),
    **_declared({f"{name}_real": f"{name}: {_REFERENCES['real']}" for name in _METRICS}),
    **_declared(
        {f"fid_{row}": f"fid: {words}" for row, words in _REFERENCES.items() if row != "real"}
    ),
    "test/n": "samples that were measured at a time",
}

SAMPLE_METRICS: Mapping[str, str] = {**DISTRIBUTION_METRICS, **_declared(_SAMPLES)}
