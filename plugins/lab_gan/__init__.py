"""Offer generative adversarial networks."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.generative import SAMPLE_METRICS
from lab.metrics import CLASSIFICATION_METRICS
from lab_gan.diagnostics import HEALTH_METRICS
from lab_gan.presets import PRESETS

MEASURED = {
    "information": "mutual information of a sample and its category (InfoGAN), in nats",
    "known": "fraction of samples that are sentences of the source",
    "new": "fraction of those that are not in the training data",
    "distinct": "fraction of samples that are distinct",
    "d_loss": "loss of the discriminator on unseen examples",
    "g_loss": "loss of the generator",
    "d_accuracy": "accuracy of the discriminator on unseen examples",
    "d_gradient": "norm of the discriminator's gradient",
    "g_gradient": "norm of the generator's gradient",
    "indistinguishable": "1 where the discriminator could distinguish them, and no longer can",
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
            "train/d_real": "D(x) on reals: a probability, or the critic's value",
            "train/d_fake": "D(G(z)) on fakes: the same",
            "train/d_accuracy": "accuracy of the discriminator on the batch",
            "train/penalty": "gradient penalties of the discriminator",
            "train/accuracy": "accuracy of the classes of labeled examples",
            "train/lr": "learning rate of the generator",
            **{f"{split}/{n}": text for split in ("eval", "test") for n, text in MEASURED.items()},
            **CLASSIFICATION_METRICS,
            **SAMPLE_METRICS,
            **HEALTH_METRICS,
        },
    )
