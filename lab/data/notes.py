"""Tell a person, when data are read first, what they should know of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lab.data.dataset import Array, Dataset
from lab.data.options import DataOptions
from lab.data.text_encoding import Ids, TextEncoding
from lab.messages import listed

SHOWN = 5  # classes in a message
MANY_UNKNOWN = 0.1  # of the words, above which that is told
UNEVEN = 3  # ratio of the largest class to the smallest above which that is told


def notes_of(dataset: Dataset, parts: Mapping[str, Array], request: DataOptions) -> list[str]:
    """Return lines on the examples of a request, of which `parts` are the rows of each split."""
    notes = [*dataset.notes, *_missing(dataset, request), *_uneven_classes(dataset)]
    if dataset.task == "classify":
        notes += _absent_classes(dataset, parts)
    if request.labels_per_class is not None:
        notes += _too_few_labels(dataset, parts["train"], request.labels_per_class)
    if request.fold and dataset.test is not None and dataset.eval is not None:
        notes.append("it has eval and test sets of its own, so --fold changes nothing")
    return [f"{request.data_name}: {note}" for note in notes]


def of_texts(encoding: TextEncoding, ids: Ids, parts: Mapping[str, Array]) -> list[str]:
    """Return lines on texts that were read as tokens: what was cut, and what training lacks."""
    notes = []
    if cut := encoding.cut(ids):
        notes.append(
            f"{cut:,} of {len(ids):,} texts are longer than {encoding.length:,} tokens and are cut "
            "there (--max-length)"
        )
    unknown = encoding.unknown([ids[row] for name in ("eval", "test") for row in parts[name]])
    if unknown > MANY_UNKNOWN:
        notes.append(
            f"{unknown:.0%} of the words of its eval and test splits are unknown: the training "
            "split has them once or never (--tokenizer byte knows all)"
        )
    return notes


def _missing(dataset: Dataset, request: DataOptions) -> list[str]:
    if not dataset.columns:
        return []
    counts = np.isnan(dataset.inputs).sum(axis=0)
    columns = zip(counts, dataset.columns, strict=True)
    lacking = [f"{count:,} of {column.name}" for count, column in columns if count]
    filled = f"Missing values are filled (--missing {request.missing}): {listed(lacking)}"
    return [filled] if lacking else []


def _uneven_classes(dataset: Dataset) -> list[str]:
    """Return a note where some class has more than three times the examples of another."""
    if dataset.task != "classify" or dataset.targets is None or dataset.targets.ndim > 1:
        return []
    counts = np.bincount(dataset.targets, minlength=len(dataset.classes))
    order = np.argsort(-counts, kind="stable")
    most, fewest = order[0], order[-1]
    if counts[most] <= UNEVEN * counts[fewest]:
        return []
    shown = order if len(order) <= SHOWN else [*order[: SHOWN - 1], fewest]
    words = [f"{counts[number]:,} {dataset.classes[number]}" for number in shown]
    if len(shown) < len(order):
        words.insert(-1, "...")
    share = counts[most] / counts.sum()
    return [
        f"classes are uneven: {', '.join(words)}. Always to say {dataset.classes[most]} is right "
        f"in {share:.0%}"
    ]


def _absent_classes(dataset: Dataset, parts: Mapping[str, Array]) -> list[str]:
    """Return a note on classes that no figure of a split tells anything of."""
    notes = []
    for split in ("eval", "test"):
        present = set(np.unique(dataset.labels(parts[split])).tolist())
        absent = [name for n, name in enumerate(dataset.classes) if n not in present]
        if absent:
            notes.append(f"its {split} split has no {listed(absent)}")
    return notes


def _too_few_labels(dataset: Dataset, train: Array, labels: int) -> list[str]:
    """Return a note where some class has fewer training examples than were asked for."""
    counts = np.bincount(dataset.labels(train), minlength=len(dataset.classes))
    fewer = [f"{counts[n]:,} {dataset.classes[n]}" for n in np.flatnonzero(counts < labels)]
    return [f"--labels-per-class {labels:,}, but there are {listed(fewer)} alone"] if fewer else []
