"""Lend an experiment its data: splits on the device, and what it must know of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from lab.data import sources, splits
from lab.data.about import About
from lab.data.batches import Batches, Split, make_split
from lab.data.dataset import Dataset, checked, nbytes
from lab.data.options import DataOptions
from lab.errors import UsageError
from lab.rng import untouched
from lab.spec import SourceSpec

LOOKED_AT = 512  # examples at a time

Tell = Callable[[str], None]


class Data:
    """The train, eval and test split of a source. Nothing is read before it is needed: a network
    that is restored knows its shapes from the checkpoint."""

    def __init__(
        self,
        request: DataOptions,
        offered: Mapping[str, SourceSpec],
        device: torch.device,
        seed: int,
        fact: Callable[[str, Callable[[], Any]], Any],
        warn: Tell,
        tell: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self.request = request
        self._spec, self._argument = sources.find(request.data, offered)
        self._device, self._seed = device, seed
        self._fact, self._warn, self._tell = fact, warn, tell
        self.source_options = sources.wanted(self._spec, request.task, request.data_args)

    @cached_property
    def about(self) -> About:
        """Shapes, classes and scales: from the checkpoint, or measured on the training split."""
        name = _words(self.request)
        return About.from_plain(self._fact(name, lambda: self._measured.as_plain()))

    @cached_property
    def dataset(self) -> Dataset:
        """All examples that the request leaves in."""
        request = self.request
        with untouched():  # what a source draws is its own affair
            dataset = sources.load(self._spec, self._argument, self.source_options)
        dataset, bad = checked(dataset, request.data, request.skip_bad)
        if bad:
            self._warn(f"{request.data}: {len(bad)} bad examples are left out; the first: {bad[0]}")
        if request.task not in ("auto", dataset.task):
            raise UsageError(f"--task {request.task}: {request.data} is to {dataset.task}")
        if request.classes:
            dataset = splits.only(dataset, request.data, request.classes)
        return self._whole(dataset)

    @cached_property
    def parts(self) -> splits.Parts:
        """The indices of each split in the dataset."""
        request, dataset = self.request, self.dataset
        parts = splits.split(dataset, request.data, request.fold, request.split_seed)
        if request.labels is not None:
            seed = request.split_seed
            train = splits.few(dataset, request.data, parts["train"], request.labels, seed)
            parts = {**parts, "train": train}
        self._tell(self._spec.name, self._description(dataset, parts))
        return parts

    @cached_property
    def train(self) -> Split:
        return self._split("train")

    @cached_property
    def eval(self) -> Split:
        return self._split("eval")

    @cached_property
    def test(self) -> Split:
        return self._split("test")

    def part(self, name: str) -> Split:
        """Return "train", "eval" or "test"."""
        found: Split = getattr(self, name)
        return found

    def batches(self) -> Batches:
        """Return an endless run through the training split, in an order that the seed decides."""
        return Batches(self.train, self.request.batch, self._seed)

    def not_finite(self) -> str | None:
        """Say which of the examples that were read is not finite once prepared, as far as they lie
        on the device; None where all are."""
        for name in ("train", "eval", "test"):
            part = vars(self).get(name)
            if part is None or not isinstance(part.inputs, torch.Tensor):
                continue
            for batch in part.batches(LOOKED_AT):
                bad = ~torch.isfinite(self.about.prepare(batch.inputs)).flatten(1).all(1)
                if bad.any():
                    row = int(batch.rows[bad][0])
                    return f"inputs that are not finite, example {row} of its {name} split"
        return None

    @property
    def _measured(self) -> About:
        return About.of(self.request.data, self.dataset, self.parts["train"])

    def _fits(self, dataset: Dataset) -> bool:
        return nbytes(dataset.inputs) <= self.request.memory * 2**20

    def _whole(self, dataset: Dataset) -> Dataset:
        """Read a column at once where it fits, so that equal examples in it can be seen."""
        if dataset.kind == "text" or isinstance(dataset.inputs, np.ndarray):
            return dataset
        if not self._fits(dataset):
            return dataset
        return replace(dataset, inputs=np.asarray(dataset.inputs[np.arange(len(dataset))]))

    def _split(self, name: str) -> Split:
        dataset, device = self.dataset, self._device
        if dataset.kind == "text":
            raise UsageError(f"{self.request.data} gives texts, and what it is for takes numbers")
        rows = self.parts[name]
        return make_split(dataset.inputs, dataset.targets, rows, device, self._fits(dataset))

    def _description(self, dataset: Dataset, parts: splits.Parts) -> dict[str, Any]:
        """Return what identifies the data, for whoever asks later what a run has seen."""
        request = self.request
        words = {"vocabulary": len(dataset.vocabulary)} if dataset.vocabulary else {}
        return {
            "name": request.data,
            "options": dict(self.source_options),
            "fold": request.fold,
            "split_seed": request.split_seed,
            "kind": dataset.kind,
            "task": dataset.task,
            "shape": list(dataset.shape),
            "classes": len(dataset.classes),
            **words,
            **{part: len(rows) for part, rows in parts.items()},
            "fingerprint": _fingerprint(dataset, parts),
        }


def _words(request: DataOptions) -> str:
    """Return what the examples are known by in a checkpoint: one run may read several sources, or
    one source in several ways."""
    fields = ("data_args", "task", "fold", "split_seed", "classes", "labels", "skip_bad")
    said = {name: getattr(request, name) for name in fields}
    chosen = {n: v for n, v in said.items() if v != DataOptions.model_fields[n].default}
    return " ".join(["data", request.data, *(f"{name}={value}" for name, value in chosen.items())])


def _fingerprint(dataset: Dataset, parts: splits.Parts) -> str:
    """Return a digest of the examples and of their split; of what is read by batch, of the split
    and the targets alone."""
    digest = hashlib.blake2b(digest_size=16)
    facts = [dataset.kind, dataset.shape, dataset.classes]
    if dataset.vocabulary:
        facts.append(dataset.vocabulary)
    digest.update(json.dumps(facts).encode())
    columns = [dataset.targets, *parts.values()]
    if isinstance(dataset.inputs, np.ndarray):
        columns.append(dataset.inputs)
    elif dataset.kind == "text":
        digest.update("\n".join(dataset.inputs).encode())
    for column in columns:
        if column is not None:
            digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()
