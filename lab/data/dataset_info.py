"""Describe the data to networks: shapes, classes, and how inputs and targets are scaled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.data.batches import IGNORED, Batch
from lab.data.dataset import IN_WORDS, Array, Dataset

SAMPLE = 10_000  # examples that a mean needs at most
MOST_VALUES = 20_000_000  # so that large images do not fill the memory


@dataclass(frozen=True)
class DatasetInfo:
    """What a run remembers of its data, so that it predicts without them.

    shape: of one input. outputs: classes, or values to predict. mean, std: of the training inputs,
    by channel, column or feature of a step, after bytes were scaled to [0, 1]; words have none.
    target_mean, target_std: of the training values, by output. vocabulary: the words of tokens.
    features: the names of columns, where the source has names.
    """

    name: str
    kind: str
    task: str
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    outputs: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    target_mean: tuple[float, ...] = ()
    target_std: tuple[float, ...] = ()
    vocabulary: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, dataset: Dataset, train: Array) -> DatasetInfo:
        """Measure the training examples."""
        mean, std = _moments(dataset, train)
        target_mean: tuple[float, ...] = ()
        target_std: tuple[float, ...] = ()
        outputs = len(dataset.classes)
        if dataset.task == "regress":
            assert dataset.targets is not None
            values = dataset.targets[train].reshape(len(train), -1)
            target_mean, target_std = _mean_std(values)
            outputs = values.shape[1]
        return cls(
            name, dataset.kind, dataset.task, dataset.shape, dataset.classes, outputs,
            mean, std, target_mean, target_std, dataset.vocabulary, dataset.features,
        )  # fmt: skip

    @classmethod
    def from_plain(cls, facts: Mapping[str, Any]) -> DatasetInfo:
        values: dict[str, Any] = {
            n: tuple(v) if isinstance(v, list) else v for n, v in facts.items()
        }
        return cls(**values)

    def as_plain(self) -> dict[str, Any]:
        return {n: list(v) if isinstance(v, tuple) else v for n, v in asdict(self).items()}

    def prepare(self, batch: Batch) -> Batch:
        """Return a batch of the source as networks and losses take it, by `prepare_inputs` and
        `prepare_targets`; all else stays. Inputs of padding steps are 0, as is the mean, and their
        classes IGNORED."""
        prepared = {**batch, "inputs": self.prepare_inputs(batch["inputs"])}
        if "targets" in batch:
            prepared["targets"] = self.prepare_targets(batch["targets"])
        return self._zero_padding(prepared) if "mask" in batch else prepared

    def _zero_padding(self, batch: Batch) -> Batch:
        padding = ~batch["mask"]  # [B, T]
        inputs = batch["inputs"]
        expanded = padding.view(*padding.shape, *[1] * (inputs.ndim - padding.ndim))
        cleared = {**batch, "inputs": inputs.masked_fill(expanded, 0)}
        if "targets" in batch and batch["targets"].shape == padding.shape:
            cleared["targets"] = batch["targets"].masked_fill(padding, IGNORED)
        return cleared

    def prepare_inputs(self, inputs: Tensor) -> Tensor:
        """Return inputs [B, ...] as floats of mean 0 and standard deviation 1, by channel, column
        or feature of a step; tokens [B, T] as integers."""
        if self.kind == "tokens":
            return inputs.long()
        scaled = inputs.float() / 255 if inputs.dtype == torch.uint8 else inputs.float()
        shape = (-1, 1, 1) if self.kind in ("image", "video") else (-1,)
        mean, std = (
            constant(v, torch.float32, inputs.device).view(shape) for v in (self.mean, self.std)
        )
        return (scaled - mean) / std

    def prepare_targets(self, targets: Tensor) -> Tensor:
        """Return the targets of a loss: class indices as they are, values standardized."""
        if self.task != "regress":
            return targets.long()
        values = targets.float()
        mean, std = (
            constant(v, values.dtype, values.device) for v in (self.target_mean, self.target_std)
        )
        return (values - mean) / std

    def restore_targets(self, values: Tensor) -> Tensor:
        """Return predicted values in their own unit."""
        mean, std = (
            constant(v, values.dtype, values.device) for v in (self.target_mean, self.target_std)
        )
        return values * std + mean


@lru_cache(maxsize=64)
def constant(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return values as a tensor [N] that is not to be written to. It is made once: copying values
    to an accelerator waits until that has done all of its work."""
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)


def _moments(dataset: Dataset, train: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if dataset.kind in IN_WORDS:
        return (), ()
    values = sampled(dataset, train)
    return _mean_std(values, 255 if values.dtype == np.uint8 else 1)


def sampled(dataset: Dataset, rows: Array) -> Array:
    """Return the values of evenly spaced examples of `rows` [M, C], by channel, column or
    feature of a step that there is."""
    count = min(len(rows), SAMPLE, max(1, MOST_VALUES // math.prod(dataset.shape)))
    rows = rows[np.linspace(0, len(rows) - 1, count).astype(int)]
    values = np.asarray(dataset.inputs[rows])
    if dataset.mask is not None:
        values = values[dataset.mask[rows]]
    if dataset.kind in ("image", "video"):
        values = np.moveaxis(values, -3, -1)
    return values.reshape(-1, values.shape[-1])


def _mean_std(values: Array, scale: float = 1) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return means and standard deviations by column, in units of `scale`; 1 for a constant."""
    mean = values.mean(axis=0, dtype=np.float64) / scale
    std = values.std(axis=0, dtype=np.float64) / scale
    std[std <= 1e-9 * np.abs(mean)] = 1.0  # rounding alone
    return tuple(map(float, mean)), tuple(map(float, std))
