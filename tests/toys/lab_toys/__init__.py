"""Offer the three loops the runner must carry: adversarial, layer by layer, and by epochs."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="toy-gan",
        summary="Two players, two optimizers, several critic updates a step",
        config="lab_toys.config:GAN",
        experiment="lab_toys.gan:GAN",
    )
    yield ExperimentSpec(
        name="toy-dbn",
        summary="Layers trained one by one on cached features, then together",
        config="lab_toys.config:DBN",
        experiment="lab_toys.dbn:DBN",
    )
    yield ExperimentSpec(
        name="toy-epochs",
        summary="Shuffled epochs over a data set, resumed in the middle of one",
        config="lab_toys.config:Epochs",
        experiment="lab_toys.epochs:Epochs",
    )
