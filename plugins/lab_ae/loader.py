"""Hand out examples of any split as the network takes them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

import lab
from lab.generative import scaled
from lab_ae.config import Config

AT_ONCE = 512  # examples in a batch that is only measured


class Examples:
    """Batches hold `inputs` [B, ...] in [0, 1] or standardized, and `classes` [B] of a conditional
    network."""

    def __init__(self, config: Config, data: lab.Data, device: torch.device) -> None:
        self.config, self.data, self.device = config, data, device

    def read(self, batch: lab.Batch) -> lab.Batch:
        """Return a batch of the source as the network takes it."""
        prepared = {"inputs": self.inputs(batch)}
        if self.config.conditional:
            prepared["classes"] = batch["targets"].long()
        return prepared

    def batches(self, split: str, most: int | None = None) -> Iterator[lab.Batch]:
        """Yield the examples of a split in order, all or evenly spaced ones, `most` at most."""
        examples = self.data.part(split)
        chosen = self.spaced(len(examples), len(examples) if most is None else most)
        for rows in torch.split(chosen, AT_ONCE):
            yield examples.take(rows)

    def inputs(self, batch: lab.Batch) -> Tensor:
        return scaled(batch["inputs"], self.data.info)

    def some_training(self, most: int) -> lab.Batch:
        """Return the same training examples every time, evenly spaced."""
        return self.data.train.take(self.spaced(len(self.data.train), most))

    def spaced(self, count: int, most: int) -> Tensor:
        """Return evenly spaced rows of `count`, `most` at most."""
        chosen = np.linspace(0, count - 1, min(count, most)).astype(np.int64)
        return torch.from_numpy(chosen).to(self.device)
