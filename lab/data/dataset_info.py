"""Describe the data to networks: shapes, classes, and how inputs and targets are scaled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.data.batches import IGNORED, Batch
from lab.data.dataset import IN_WORDS, Array, Dataset
from lab.data.encoding import TableEncoding, constant, mean_std
from lab.data.options import TextOptions
from lab.data.text_encoding import TextEncoding

SAMPLE = 10_000  # examples that a mean needs at most
FLOAT32_RATIO = 1e3  # of a mean to a standard deviation: 4 of float32's 7 digits are left then
MOST_VALUES = 20_000_000  # so that large images do not fill the memory


@dataclass(frozen=True)
class DatasetInfo:
    """What a run remembers of its data, so that it predicts without them.

    shape: of one input as networks take it. outputs: classes, or values to predict. mean, std: of
    the training inputs, by channel, column or feature of a step, after bytes were scaled to [0, 1];
    words have none. target_mean, target_std: of the training values, by output. vocabulary: the
    words of tokens, target_vocabulary: of targets. features: the names of columns, where the source
    has names. target: the names of what is predicted. encoding: how rows of a table with categories
    or missing values become features, of which mean and std are then; None where inputs are numbers
    already. written: what a file did not tell of itself, as in `Dataset`: new ones are read
    alike. floats: whether images are numbers that no byte stands for, below 0
    or above 1. per_step: whether each frame or step has a class, rather than the example one.
    text: how texts become tokens, which the inputs are then.
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
    target_vocabulary: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    encoding: TableEncoding | None = None
    written: Mapping[str, str] = field(default_factory=dict)
    floats: bool = False
    per_step: bool = False
    text: TextEncoding | None = None

    @classmethod
    def of(
        cls,
        name: str,
        dataset: Dataset,
        train: Array,
        missing: str = "median",
        texts: TextOptions | None = None,
    ) -> DatasetInfo:
        """Measure the training examples; `missing` says what `TableEncoding.fit` does of values
        that a table lacks, `texts` how texts are read that have labels."""
        encoding = None
        if dataset.columns:
            rows = np.asarray(dataset.inputs[train], np.float64)
            encoding = TableEncoding.fit(dataset.columns, rows, missing)
            mean, std = encoding.moments(rows)
        else:
            mean, std = _moments(dataset, train)
        shape = dataset.shape if encoding is None else (encoding.width,)
        target_mean: tuple[float, ...] = ()
        target_std: tuple[float, ...] = ()
        outputs = len(dataset.classes or dataset.target_vocabulary)
        if dataset.task == "regress":
            assert dataset.targets is not None
            values = dataset.targets[train].reshape(len(train), -1)
            target_mean, target_std = mean_std(values)
            outputs = values.shape[1]
        info = cls(
            name, dataset.kind, dataset.task, shape, dataset.classes, outputs, mean, std,
            target_mean, target_std, dataset.vocabulary, dataset.target_vocabulary,
            dataset.features, dataset.target, encoding, dict(dataset.written),
            _beyond_bytes(dataset, train), _per_step(dataset),
        )  # fmt: skip
        if dataset.kind != "text" or texts is None or dataset.task not in ("classify", "regress"):
            return info
        return info.as_tokens(TextEncoding.fit([dataset.inputs[row] for row in train], texts))

    @classmethod
    def from_plain(cls, facts: Mapping[str, Any]) -> DatasetInfo:
        values: dict[str, Any] = {
            n: tuple(v) if isinstance(v, list) else v for n, v in facts.items()
        }
        if values.get("encoding"):
            values["encoding"] = TableEncoding.from_plain(values["encoding"])
        if values.get("text"):
            values["text"] = TextEncoding.from_plain(values["text"])
        return cls(**values)

    def as_plain(self) -> dict[str, Any]:
        plain = {n: list(v) if isinstance(v, tuple) else v for n, v in vars(self).items()}
        encodings = {"encoding": self.encoding, "text": self.text}
        return {**plain, **{name: e and e.as_plain() for name, e in encodings.items()}}

    def as_tokens(self, text: TextEncoding) -> DatasetInfo:
        """Return what networks take of texts: tokens."""
        return replace(
            self, kind="tokens", shape=(text.length,), vocabulary=text.vocabulary, text=text
        )

    @property
    def source_shape(self) -> tuple[int, ...]:
        """The shape of one input as the source gives it: of a table, a number for each column."""
        return self.shape if self.encoding is None else (len(self.encoding.columns),)

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
        if self.per_step and "targets" in batch:
            cleared["targets"] = batch["targets"].masked_fill(padding, IGNORED)
        return cleared

    def prepare_inputs(self, inputs: Tensor) -> Tensor:
        """Return inputs [B, ...] as floats of mean 0 and standard deviation 1, by channel, column
        or feature of a step; tokens [B, T] as integers."""
        if self.kind in IN_WORDS:
            return inputs.long()
        if self.encoding is not None:
            inputs = self.encoding.encode(inputs.double())
        elif inputs.dtype == torch.uint8:
            inputs = inputs.float() / 255
        elif inputs.dtype != torch.float64:
            inputs = inputs.float()
        mean, std = self._scales(inputs)
        # float64 is standardized as such: of 1.7e9 + x, float32 would leave nothing of x
        return ((inputs - mean) / std).float()

    def restore_inputs(self, values: Tensor) -> Tensor:
        """Return prepared inputs [B, ...] in the source's own units and shape."""
        if self.kind in IN_WORDS:
            return values
        if self.encoding is None:
            mean, std = self._scales(values)
            return values * std + mean
        mean, std = self._scales(values.double())
        return self.encoding.decode(values * std + mean)

    def _scales(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        shape = (-1, 1, 1) if self.kind in ("image", "video") else (-1,)
        mean, std = (
            constant(v, inputs.dtype, inputs.device).view(shape) for v in (self.mean, self.std)
        )
        return mean, std

    def prepare_targets(self, targets: Tensor) -> Tensor:
        """Return the targets of a loss: class indices as they are, values standardized."""
        if self.task != "regress":
            return targets.long()
        values = targets if targets.dtype == torch.float64 else targets.float()
        mean, std = (
            constant(v, values.dtype, values.device) for v in (self.target_mean, self.target_std)
        )
        return ((values - mean) / std).float()

    def restore_targets(self, values: Tensor) -> Tensor:
        """Return predicted values in their own unit: float64 where float32 would round away what
        varies, as the standard deviation is small beside the mean."""
        scales = zip(self.target_mean, self.target_std, strict=True)
        fine = any(abs(mean) > FLOAT32_RATIO * std for mean, std in scales)
        dtype = torch.float64 if fine else values.dtype
        mean, std = (constant(v, dtype, values.device) for v in (self.target_mean, self.target_std))
        return values.to(dtype) * std + mean


def _moments(dataset: Dataset, train: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if dataset.kind in IN_WORDS:
        return (), ()
    values = sampled(dataset, train)
    return mean_std(values, 255 if values.dtype == np.uint8 else 1)


def _beyond_bytes(dataset: Dataset, train: Array) -> bool:
    """Tell whether images are floats outside [0, 1], where bytes divided by 255 are."""
    if dataset.kind not in ("image", "video") or np.dtype(dataset.inputs.dtype).kind != "f":
        return False
    values = sampled(dataset, train)
    return bool(values.min() < 0 or values.max() > 1)


def _per_step(dataset: Dataset) -> bool:
    targets = dataset.targets
    several = dataset.task == "classify" and targets is not None and targets.ndim > 1
    return several and dataset.trees is None


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
