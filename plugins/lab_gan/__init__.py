"""Offer generative adversarial networks."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.generative import DISTRIBUTION_METRICS, HEALTH_METRICS
from lab.metrics import CLASSIFICATION_METRICS
from lab_gan.presets import PRESETS

MEASURED = {
    "distance": "what selects: fid; of known modes, and of pairs of words, total variation",
    "nearer": "chance that a sample is nearer to the training data than a fresh example is",
    "copies": "share of samples nearer to the training data than 99 % of fresh examples are",
    "diversity": "mean distance of two samples, where that of two real examples is 1",
    "modes": "modes of the source that samples cover",
    "high_quality": "share of samples within three deviations of a mode",
    "mode_kl": "nats that the shares of the modes are from even ones",
    "agreement": "share of samples that are of the class that was asked for",
    "information": "nats of its category that InfoGAN reads from a sample",
    "known": "share of samples that are sentences of the source",
    "new": "share of those that training never saw",
    "distinct": "share of samples that are first of their kind",
    "d_loss": "loss of the discriminator on examples it has not seen",
    "g_loss": "loss of the generator",
    "d_accuracy": "share that the discriminator tells right of examples it has not seen",
    "d_gradient": "norm of the discriminator's gradient",
    "g_gradient": "norm of the generator's gradient",
    "indistinguishable": "1 where the discriminator could tell, and no longer can",
}


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="gan",
        summary="Generative adversarial networks of points, images, sequences and sentences",
        config="lab_gan.config:Config",
        experiment="lab_gan.gan:GAN",
        presets=PRESETS,
        capabilities={"sample": "lab.capabilities:Sample", "predict": "lab.capabilities:Predict"},
        metrics={
            "train/d_loss": "loss of the discriminator",
            "train/g_loss": "loss of the generator",
            "train/d_real": "D(x) on reals: a probability, or what the critic says",
            "train/d_fake": "D(G(z)) on fakes: the same",
            "train/d_accuracy": "share of examples that the discriminator tells right",
            "train/penalty": "price of the discriminator's slope",
            "train/accuracy": "share of labeled examples whose class is named",
            "train/lr": "learning rate of the generator",
            **{f"{split}/{n}": said for split in ("eval", "test") for n, said in MEASURED.items()},
            **CLASSIFICATION_METRICS,
            **DISTRIBUTION_METRICS,
            **HEALTH_METRICS,
        },
    )
