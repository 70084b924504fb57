"""Offer restricted Boltzmann machines, and deep belief networks built of them."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab.metrics import CLASSIFICATION_METRICS
from lab_dbn.presets import PRESETS

MEASURED = {
    "reconstruction": "squared error of reconstructing all layers, by example",
    "log_likelihood": "log-likelihood in nats, by annealing; of several layers a lower bound",
    "log_likelihood_exact": "the same with the exact partition function, of few units",
    "layer_reconstruction": "squared error of the RBM in training, by example of its own input",
    "free_energy_gap": "mean free energy of eval examples less that of training examples",
    "pseudo_likelihood": "log-pseudo-likelihood of the RBM in training, in nats",
}


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="dbn",
        summary="Restricted Boltzmann machines and deep belief networks",
        config="lab_dbn.config:Config",
        experiment="lab_dbn.dbn:DeepBelief",
        presets=PRESETS,
        capabilities={"predict": "lab.capabilities:Predict", "sample": "lab_dbn.config:Sample"},
        metrics={
            "train/phase": "layer in training, from 1; after the last comes fine-tuning",
            "train/lr": "learning rate",
            "train/reconstruction": "squared error of the reconstructed batches, by example",
            "train/loss": "loss of backpropagation",
            "train/accuracy": "accuracy in backpropagation",
            **{f"{split}/{n}": text for split in ("eval", "test") for n, text in MEASURED.items()},
            **CLASSIFICATION_METRICS,
        },
    )
