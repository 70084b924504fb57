"""Hand out examples of any split as the network takes them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

import lab
from lab.kit.generative import scaled
from lab_ae.config import Config

AT_ONCE = 512  # examples in a batch that is only measured


class Examples:
    """Shapes: inputs [B, ...] in [0, 1] or standardised, classes [B] where they are known."""

    def __init__(self, config: Config, data: lab.Data, device: torch.device) -> None:
        self.config, self.data, self.device = config, data, device

    def read(self, batch: lab.Batch) -> tuple[Tensor, Tensor | None]:
        """Return inputs, and classes or None."""
        classes = None
        if self.config.conditional:
            assert batch.targets is not None
            classes = batch.targets.long()
        return scaled(batch.inputs, self.data.about), classes

    def batches(self, split: str, most: int | None = None) -> Iterator[lab.Batch]:
        """Yield the examples of a split in order, or the first `most`."""
        examples = self.data.part(split)
        count = len(examples) if most is None else min(len(examples), most)
        for rows in torch.split(torch.arange(count, device=self.device), AT_ONCE):
            yield examples.take(rows)

    def inputs(self, batch: lab.Batch) -> Tensor:
        return self.read(batch)[0]

    def some_training(self, most: int) -> lab.Batch:
        """Return the same training examples every time, evenly spaced."""
        train = self.data.train
        chosen = torch.linspace(0, len(train) - 1, min(len(train), most)).long()
        return train.take(chosen.to(self.device))
