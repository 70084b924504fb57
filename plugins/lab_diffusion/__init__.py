"""Offer diffusion and flow-matching models."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.generative import SAMPLE_METRICS
from lab_diffusion.presets import PRESETS

MEASURED = {
    "loss": "squared error on unseen examples",
    "score_error": "squared error of the noise, where the true distribution is known, to its mean",
}


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="diffusion",
        summary="Diffusion and flow matching: points, images, sequences, by class with guidance",
        config="lab_diffusion.config:Config",
        experiment="lab_diffusion.diffusion:Diffusion",
        presets=PRESETS,
        capabilities={
            "sample": "lab_diffusion.config:Sample",
            "predict": "lab.capabilities:Predict",
            "export": "lab.capabilities:Export",
        },
        metrics={
            "train/loss": "squared error of the network's answers",
            "train/lr": "learning rate",
            **{f"{split}/{n}": text for split in ("eval", "test") for n, text in MEASURED.items()},
            **SAMPLE_METRICS,
        },
    )
