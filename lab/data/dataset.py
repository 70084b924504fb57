"""Define the dataset that a source returns: inputs, targets and further attributes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np

from lab.data.encoding import TableColumn
from lab.data.tokens import check_sentences, check_vocabulary
from lab.data.trees import IGNORED, check_trees
from lab.errors import UsageError
from lab.messages import count

Array = np.ndarray[Any, np.dtype[Any]]
Kind = Literal["image", "table", "video", "sequence", "tokens", "tree", "text", "series"]
Task = Literal["classify", "regress", "segment", "translate", "forecast", "parse", "lm", "none"]

IN_WORDS: tuple[Kind, ...] = ("tokens", "tree", "text")  # without values to measure
IN_STEPS: tuple[Kind, ...] = ("video", "sequence", "tokens")
SMALLEST_SIDE = 2
AT_ONCE = 10_000  # examples that are read at a time


class Column(Protocol):
    """An array, or what reads one in pieces: `column[indices]` is an array [len(indices), ...]."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> Any: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: Any) -> Any: ...


@dataclass(frozen=True)
class Dataset:
    """The examples of a source, before they are split.

    inputs: images uint8 [N, C, H, W], clips uint8 [N, T, C, H, W], tables float [N, F], sequences
        float [N, T, F] of F features at T steps, tokens int [N, T] with a vocabulary, or texts, a
        list of N strings. Any `Column`: what does not fit in memory is read by batch.
    targets: classes int [N] (or [N, T], one for each frame or step), values float [N, D], masks of
        classes uint8 [N, H, W], tokens int [N, U] with a target vocabulary, or None.
    classes: the names of the classes.
    test: bool [N], the examples that the source itself sets aside for testing, if it does.
    eval: bool [N], those that it sets aside for selection, if it does; none of them is in test.
    groups: int [N], a split never separates examples of one group, nor equal ones; but an example
        of group -1 is on its own, whatever it equals.
    factors: further attributes of each example, by name, [N, ...].
    features: the names of a table's columns, or of the features at each step of a sequence.
    bad: what could not be read, a line for each: refused, unless the user skips it.
    vocabulary: the words that tokens stand for, by number. Word 0 is "", the end, with which
        shorter sentences are filled up.
    target_vocabulary: those of targets that are sentences themselves: translations, captions.
    stream: the examples follow each other, as the steps of one series (float [N, F]) or the pieces
        of one text do: the split keeps their order, train before eval before test.
    mask: bool [N, T], which steps of clips, sequences and tokens there are; the others fill shorter
        examples up. What fills is not measured, learned or scored.
    trees: int [N, T - 1, 2], a binary tree over each sentence of tokens, as `lab.data.trees` has
        them; targets are then classes of its nodes [N, 2T - 1], IGNORED where one has none.
    parse: the trees are what is to be found; otherwise they are given.
    columns: what each of the F columns of a table holds, where they are not all numbers or lack
        some: inputs are float64 [N, F] then, codes of categories, NaN what is missing.
    target: the names of what is to be predicted, where there are names.
    written: what a file does not tell of itself: of CSV `encoding` and `na` of `read_csv`, if they
        were said, and the column `text` of texts; of sounds the fields of `SoundDecoder`.
    notes: what a person should know of how the source was read, a line for each.
    origin: the files of installed packages that were read, a line for each: version, checksum and
        license.
    """

    inputs: Any
    targets: Array | None = None
    classes: tuple[str, ...] = ()
    test: Array | None = None
    eval: Array | None = None
    groups: Array | None = None
    factors: Mapping[str, Array] = field(default_factory=dict)
    features: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()
    vocabulary: tuple[str, ...] = ()
    target_vocabulary: tuple[str, ...] = ()
    stream: bool = False
    mask: Array | None = None
    trees: Array | None = None
    parse: bool = False
    columns: tuple[TableColumn, ...] = ()
    target: tuple[str, ...] = ()
    written: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    origin: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def kind(self) -> Kind:
        if not hasattr(self.inputs, "shape"):
            return "text"
        if self.vocabulary:
            return "tokens" if self.trees is None else "tree"
        kinds: dict[int, Kind] = {
            2: "series" if self.stream else "table",
            3: "sequence",
            4: "image",
            5: "video",
        }
        return kinds[len(self.inputs.shape)]

    @property
    def task(self) -> Task:
        if self.trees is not None and (self.parse or self.targets is None):
            return "parse"
        if self.targets is None:
            return "lm" if self.kind in IN_WORDS else "forecast" if self.stream else "none"
        if self.target_vocabulary:
            return "translate"
        if not self.classes:
            return "regress"
        return "segment" if self.kind == "image" and self.targets.ndim == 3 else "classify"

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one input."""
        return () if self.kind == "text" else tuple(self.inputs.shape[1:])

    def labels(self, rows: Array) -> Array:
        """Return the classes of some examples, of several each those of steps that there are, or of
        nodes that have one."""
        assert self.targets is not None
        targets = self.targets[rows]
        if self.trees is not None:
            return np.asarray(targets[targets != IGNORED])
        if self.mask is None or targets.shape != (len(rows), *self.mask.shape[1:]):
            return targets
        return targets[self.mask[rows]]

    def take(self, rows: Array) -> Dataset:
        """Return the examples at `rows`, an array of indices."""
        if self.kind == "text":
            inputs: Any = [self.inputs[i] for i in rows]
        elif isinstance(self.inputs, np.ndarray):
            inputs = self.inputs[rows]
        else:
            inputs = Rows(self.inputs, rows)
        columns = ("targets", "test", "eval", "groups", "mask", "trees")
        taken: dict[str, Any] = {}
        for name in columns:
            values = getattr(self, name)
            taken[name] = None if values is None else values[rows]
        factors = {name: values[rows] for name, values in self.factors.items()}
        return replace(self, inputs=inputs, factors=factors, **taken)


@dataclass(frozen=True)
class Rows:
    """Some rows of a column that is read by batch, and stays so."""

    column: Column
    rows: Array

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.column.shape[1:])

    @property
    def dtype(self) -> Any:
        return self.column.dtype

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.column[self.rows[index]]


def checked(dataset: Dataset, name: str, skip_bad: bool = False) -> tuple[Dataset, list[str]]:
    """Return the dataset without its bad rows, and a line for each of those.

    Raises UsageError where there is nothing to learn from, and where rows are bad and `skip_bad`
    does not say to go on without them. `name` is the source's, for the message.
    """
    _check_shapes(dataset, name)
    rows = _bad_rows(dataset) if len(dataset) else []
    bad = [*dataset.bad, *(f"row {row}: {why}" for row, why in rows)]
    if bad and not skip_bad:
        more = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise UsageError(f"{name}: {bad[0]}{more}. --skip-bad goes on without.")
    if rows:
        dataset = dataset.take(np.setdiff1d(np.arange(len(dataset)), [row for row, _ in rows]))
    if not len(dataset):
        raise UsageError(f"{name} has no example{' that can be read' if bad else ''}.")
    return dataset, bad


def _check_shapes(dataset: Dataset, name: str) -> None:
    """Refuse what no source should return."""
    inputs, targets = dataset.inputs, dataset.targets
    if hasattr(inputs, "shape") and len(inputs.shape) not in (2, 3, 4, 5):
        raise UsageError(
            f"{name}: inputs of shape {inputs.shape} are neither a table [N, F], sequences "
            "[N, T, F], images [N, C, H, W] nor clips [N, T, C, H, W]"
        )
    if hasattr(inputs, "shape") and np.dtype(inputs.dtype).kind not in "fiub":
        raise UsageError(f"{name}: inputs of type {inputs.dtype} are no numbers")
    if dataset.vocabulary:
        check_vocabulary(inputs, dataset.vocabulary, name)
        check_sentences(_parts(inputs), dataset.vocabulary, name)
    if dataset.target_vocabulary:
        _check_translations(dataset, name)
    if dataset.kind in ("image", "video") and min(dataset.shape[-2:]) < SMALLEST_SIDE:
        height, width = dataset.shape[-2:]
        raise UsageError(f"{name}: images of {height} x {width} pixels show nothing")
    if 0 in dataset.shape:
        raise UsageError(f"{name}: its examples are empty")
    names = ("test", "eval", "groups", "mask", "trees")
    columns = {"targets": targets, **{name: getattr(dataset, name) for name in names}}
    for column, values in {**columns, **dataset.factors}.items():
        if values is not None and len(values) != len(inputs):
            raise UsageError(f"{name}: {len(inputs)} inputs, but {len(values)} {column}")
    _check_mask(dataset, name)
    if dataset.trees is not None:
        _check_trees(dataset, name)
    if (
        dataset.test is not None
        and dataset.eval is not None
        and (dataset.test & dataset.eval).any()
    ):
        raise UsageError(f"{name}: an example is for eval or for test, not for both")
    if dataset.columns and (dataset.kind, len(dataset.columns)) != ("table", dataset.shape[0]):
        raise UsageError(
            f"{name}: {len(dataset.columns)} columns are described, but inputs are "
            f"{dataset.kind} data of shape {list(dataset.shape)}"
        )
    if dataset.features and len(dataset.features) != dataset.shape[-1]:
        raise UsageError(
            f"{name}: {count(dataset.shape[-1], 'column')}, but names for {len(dataset.features)}"
        )
    if dataset.classes and targets is not None and len(targets):
        if targets.dtype.kind not in "iub":
            raise UsageError(f"{name}: class numbers of type {targets.dtype} are no whole numbers")
        labels = dataset.labels(np.arange(len(targets)))
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= len(dataset.classes):
            raise UsageError(
                f"{name}: class numbers run from {low} to {high}, for "
                f"{count(len(dataset.classes), 'class', 'classes')}"
            )
        if dataset.kind in IN_STEPS and targets.ndim > 1 and targets.shape[1] != dataset.shape[0]:
            raise UsageError(
                f"{name}: {count(dataset.shape[0], 'step')}, but classes for {targets.shape[1]}"
            )


def _check_translations(dataset: Dataset, name: str) -> None:
    targets = dataset.targets
    if targets is None or dataset.classes:
        raise UsageError(f"{name}: a target vocabulary is for targets that are tokens [N, U] alone")
    where = f"{name}: targets"
    check_vocabulary(targets, dataset.target_vocabulary, where)
    check_sentences(_parts(targets), dataset.target_vocabulary, where)


def _check_trees(dataset: Dataset, name: str) -> None:
    assert dataset.trees is not None
    if dataset.kind != "tree" or dataset.target_vocabulary:
        raise UsageError(f"{name}: trees stand over tokens [N, T] with a vocabulary, and no others")
    check_trees(dataset.inputs, dataset.trees, dataset.targets, name)
    if dataset.targets is not None and not len(dataset.labels(np.arange(len(dataset)))):
        raise UsageError(f"{name}: no node of its trees has a class; leave out the targets")


def _check_mask(dataset: Dataset, name: str) -> None:
    mask = dataset.mask
    if mask is None:
        return
    if dataset.kind not in IN_STEPS:
        raise UsageError(f"{name}: a mask says which steps there are; {dataset.kind} has none")
    if mask.dtype != bool or mask.shape[1:] != dataset.shape[:1]:
        steps = dataset.shape[0]
        raise UsageError(f"{name}: a mask is bool [N, {steps}], not {mask.dtype} {mask.shape}")
    if not mask.any(1).all():
        raise UsageError(f"{name}: example {int(mask.any(1).argmin())} has no step that counts")


def _bad_rows(dataset: Dataset) -> list[tuple[int, str]]:
    """Return the rows with values that are not finite, and where."""
    bad = []
    if dataset.kind in ("table", "sequence", "series"):
        for start, values in _parts(dataset.inputs):
            fine = ~np.isinf(values) if dataset.columns else np.isfinite(values)
            finite = fine.reshape(len(values), -1)
            for row in np.flatnonzero(~finite.all(axis=1)):
                place = np.unravel_index(int(finite[row].argmin()), dataset.shape)
                why = f"{_place(dataset, place)} is {values[row][place]}"
                bad.append((start + int(row), why))
    if dataset.task == "regress":
        assert dataset.targets is not None
        flat = dataset.targets.reshape(len(dataset), -1)
        listed = {row for row, _ in bad}
        for row in np.flatnonzero(~np.isfinite(flat).all(axis=1)):
            if int(row) not in listed:
                bad.append((int(row), "its target is no finite number"))
    return sorted(bad)


def _parts(column: Column) -> Iterator[tuple[int, Array]]:
    """Yield a column part by part, and where each begins: all of it may not fit in memory."""
    for start in range(0, len(column), AT_ONCE):
        yield start, np.asarray(column[np.arange(start, min(start + AT_ONCE, len(column)))])


def _place(dataset: Dataset, place: Sequence[Any]) -> str:
    """Name a value of an example: a column, or a feature at a step."""
    *steps, feature = map(int, place)
    word = "feature" if dataset.kind == "sequence" else "column"
    label = dataset.features[feature] if dataset.features else f"{word} {feature}"
    return f"step {steps[0]}: {label}" if steps else label


def nbytes(column: Column) -> int:
    """Return how much memory a column takes."""
    return math.prod(column.shape) * int(np.dtype(column.dtype).itemsize)
