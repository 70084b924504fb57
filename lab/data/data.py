"""Give an experiment its data: splits on the device, with their shapes, classes and scales."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from lab import memory
from lab.compute.rng import untouched
from lab.data import notes, sources, splits
from lab.data.batches import ShuffledBatches, Split, make_split
from lab.data.dataset import IN_WORDS, Column, Dataset, checked, nbytes
from lab.data.dataset_info import DatasetInfo
from lab.data.fingerprint import contents_changed, digests, fingerprint
from lab.data.options import DataOptions, TextOptions
from lab.data.record import DataRecord
from lab.data.tokens import sentence
from lab.errors import UsageError
from lab.messages import count
from lab.spec import SourceSpec

CHECK_BATCH_SIZE = 512  # of the check for inputs that are not finite
REREAD_SEED = 20_181_203  # of the global generators, when a source is read for comparison


class Data:
    """The train, eval and test split of a source. Nothing is read before it is needed: a network
    that is restored knows its shapes from the checkpoint.

    record: what the run has read until now, with which what is read here is compared; None to
    compare nothing.
    """

    def __init__(
        self,
        request: DataOptions,
        offered: Mapping[str, SourceSpec],
        device: torch.device,
        seed: int,
        run_constant: Callable[[str, Callable[[], Any]], Any],
        warn: Callable[[str], None],
        on_read: Callable[[str, Mapping[str, Any]], None],
        record: DataRecord | None = None,
    ) -> None:
        self.request = request
        self._spec, self._argument = sources.find(request.data, offered)
        self._device, self._seed = device, seed
        self._run_constant, self._warn, self._on_read = run_constant, warn, on_read
        self._record = record
        self._objects = memory.held()  # those of a loaded run are read later
        self._is_new = False  # whether the run reads these data for the first time
        self.source_options = sources.with_task(self._spec, request.task, request.data_args)

    @cached_property
    def info(self) -> DatasetInfo:
        """Shapes, classes and scales: from the checkpoint, or measured on the training split."""
        return DatasetInfo.from_plain(
            self._run_constant(self.words, lambda: self._measured.as_plain())
        )

    @property
    def dataset(self) -> Dataset:
        """All examples that the request leaves in."""
        return self._read[0]

    @property
    def parts(self) -> splits.Parts:
        """The indices of each split in the dataset."""
        return self._read[1]

    @property
    def words(self) -> str:
        """The key of the examples in checkpoints and in the record of the run."""
        return _words(self.request)

    @cached_property
    def _read(self) -> tuple[Dataset, splits.Parts]:
        """Read the examples and split them. Raises UsageError where the run has read others."""
        dataset, bad = self._load()
        if bad:
            name = self.request.data_name
            left_out = count(len(bad), "bad example")
            verb = "is" if len(bad) == 1 else "are"
            self._warn(f"{name}: {left_out} {verb} left out; the first: {bad[0]}")
        parts = self._split_indices(dataset)
        digested = digests(dataset, parts)
        if self._record is not None and self._record.is_first(self.words):
            self._is_new = True
            for note in notes.notes_of(dataset, parts, self.request):
                self._warn(note)
            self._check_repeats(digested)
        description = self._description(dataset, parts)
        description["fingerprint"] = fingerprint(description, digested)
        if self._record is not None:
            entry = {
                **description,
                "examples": len(dataset),
                "target_shape": None
                if dataset.targets is None
                else list(dataset.targets.shape[1:]),
                "digests": digested,
            }
            self._record.add_or_compare(self.words, entry)
        self._on_read(self._spec.name, description)
        return dataset, parts

    def _load(self) -> tuple[Dataset, list[str]]:
        """Return the examples, and a line for each bad one that is left out."""
        request = self.request
        # a source may draw from the global generators
        with untouched(), memory.holding(self._objects):
            dataset = sources.load(self._spec, self._argument, self.source_options)
        dataset, bad = checked(dataset, request.data_name, request.skip_bad)
        if request.task == "lm" and dataset.kind in IN_WORDS:
            dataset = replace(dataset, targets=None, classes=(), target_vocabulary=(), trees=None)
        if request.task in ("classify", "parse") and dataset.trees is not None:
            dataset = replace(dataset, parse=request.task == "parse")
        if request.task not in ("auto", dataset.task):
            raise UsageError(f"--task {request.task}: {request.data_name} is to {dataset.task}")
        if request.classes:
            dataset = splits.only(dataset, request.data_name, request.classes)
        if request.missing == "drop" and dataset.columns:
            dataset = _without_missing(dataset, request.data_name)
        return self._in_memory(dataset), bad

    def _split_indices(self, dataset: Dataset) -> splits.Parts:
        request = self.request
        parts = splits.split(dataset, request.data_name, request.fold, request.split_seed)
        if request.labels_per_class is None:
            return parts
        train = splits.few(
            dataset, request.data_name, parts["train"], request.labels_per_class, request.split_seed
        )
        return {**parts, "train": train}

    def _check_repeats(self, digested: Mapping[str, str]) -> None:
        """Read a source once more, under other global generators, to see whether it gives the same.
        One that takes an argument reads files: those are compared when they are read again."""
        if self._spec.argument:
            return
        with untouched():
            random.seed(REREAD_SEED)
            np.random.seed(REREAD_SEED)  # noqa: NPY002
            torch.manual_seed(REREAD_SEED)
            again = digests(self._load()[0])
        changed = contents_changed(digested, again)
        if changed:
            raise UsageError(
                f"The source {self._spec.name} gives other data each time that it is read: "
                f"{', '.join(changed)}. Seed what it draws, np.random.default_rng(seed), with "
                "`seed` as an option of the source."
            )

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
        split: Split = getattr(self, name)
        return split

    def texts(self, name: str) -> list[str]:
        """Return the texts of a split in order; sentences of words with spaces between these.

        Raises UsageError where the source gives neither.
        """
        dataset = self.dataset
        if dataset.kind in ("tokens", "tree"):
            rows = dataset.inputs[self.parts[name]]
            return [" ".join(sentence(row, dataset.vocabulary)) for row in rows]
        if dataset.kind != "text":
            raise UsageError(f"{self.request.data_name} gives {dataset.kind} data, no texts")
        return [dataset.inputs[row] for row in self.parts[name]]

    def batches(self) -> ShuffledBatches:
        """Return an endless run through the training split, in an order that the seed decides."""
        size, examples = self.request.batch_size, len(self.train)
        if size > examples and self._is_new:
            self._warn(
                f"--batch-size {size:,} is more than {self.request.data_name} has to train on: a "
                f"batch is {count(examples, 'example')}, all of them."
            )
        return ShuffledBatches(self.train, size, self._seed)

    def not_finite(self) -> str | None:
        """Say which of the examples that were read is not finite once prepared, as far as they lie
        on the device; None where all are."""
        for name in ("train", "eval", "test"):
            part = vars(self).get(name)
            if part is None or not isinstance(part.inputs, torch.Tensor):
                continue
            for batch in part.batches(CHECK_BATCH_SIZE):
                bad = ~torch.isfinite(self.info.prepare_inputs(batch["inputs"])).flatten(1).all(1)
                if bad.any():
                    row = int(batch["rows"][bad][0])
                    return f"inputs that are not finite, example {row} of its {name} split"
        return None

    @property
    def _measured(self) -> DatasetInfo:
        request = self.request
        texts = request if isinstance(request, TextOptions) else None
        return DatasetInfo.of(
            request.data_name, self.dataset, self.parts["train"], request.missing, texts
        )

    def _fits(self, column: Column) -> bool:
        return nbytes(column) <= self.request.max_resident_mb * 2**20

    def _in_memory(self, dataset: Dataset) -> Dataset:
        """Read a column at once where it fits, so that equal examples in it can be seen."""
        if dataset.kind == "text" or isinstance(dataset.inputs, np.ndarray):
            return dataset
        if not self._fits(dataset.inputs):
            return dataset
        return replace(dataset, inputs=np.asarray(dataset.inputs[np.arange(len(dataset))]))

    def _split(self, name: str) -> Split:
        dataset, column = self.dataset, self._column
        fits, rows = self._fits(column), self.parts[name]
        return make_split(
            column, dataset.targets, rows, self._device, fits, dataset.mask, dataset.trees
        )

    @cached_property
    def _column(self) -> Column:
        """The inputs of all examples; of texts their tokens. Raises UsageError where an experiment
        has no use for texts."""
        dataset, name = self.dataset, self.request.data_name
        if dataset.kind != "text":
            column: Column = dataset.inputs
            return column
        encoding = self.info.text
        if encoding is None:
            raise UsageError(f"{name} gives texts, and what it is for takes numbers")
        ids = encoding.ids(dataset.inputs)
        if self._is_new:
            for note in notes.of_texts(encoding, ids, self.parts):
                self._warn(f"{name}: {note}")
        return encoding.rows(ids)

    def _description(self, dataset: Dataset, parts: splits.Parts) -> dict[str, Any]:
        """Return what identifies the data, to compare with when they are read again."""
        request = self.request
        words = {
            name: len(getattr(dataset, name))
            for name in ("vocabulary", "target_vocabulary")
            if getattr(dataset, name)
        }
        columns = {"columns": list(dataset.features)} if dataset.features else {}
        target = {"target": list(dataset.target)} if dataset.target else {}
        origin = {"origin": list(dataset.origin)} if dataset.origin else {}
        return {
            "name": request.data_name,
            "options": dict(self.source_options),
            "fold": request.fold,
            "split_seed": request.split_seed,
            "kind": dataset.kind,
            "task": dataset.task,
            "shape": list(dataset.shape),
            "classes": len(dataset.classes),
            **words,
            **columns,
            **target,
            **origin,
            **{part: len(rows) for part, rows in parts.items()},
        }


def _without_missing(dataset: Dataset, name: str) -> Dataset:
    """Return the rows of a table that lack nothing. Raises UsageError where there is none."""
    complete = np.flatnonzero(~np.isnan(dataset.inputs).any(axis=1))
    if not len(complete):
        raise UsageError(f"{name}: every row lacks something; --missing says how to fill it")
    left_out = len(dataset) - len(complete)
    note = f"{left_out:,} of {len(dataset):,} rows lack something and are left out"
    return replace(dataset.take(complete), notes=(*dataset.notes, *([note] if left_out else [])))


def _words(request: DataOptions) -> str:
    """Return the key of the examples in a checkpoint: one run may read several sources, or one
    source in several ways."""
    fields = (
        "data_args", "task", "fold", "split_seed", "classes", "labels_per_class", "skip_bad",
        "missing",
    )  # fmt: skip
    values = {name: getattr(request, name) for name in fields}
    chosen = {n: v for n, v in values.items() if v != DataOptions.model_fields[n].default}
    return " ".join(["data", request.data, *(f"{name}={value}" for name, value in chosen.items())])
