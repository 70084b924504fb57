"""Split examples into train, eval and test: seeded, stratified, and without a leak.

Without a test set of the source's own, five disjoint folds make one: fold k is the test set, so
that five runs measure on all examples. Without an eval set of its own, an eighth of the rest, a
tenth of all, is for selection.
Examples with equal inputs, and those of one group, always fall on the same side; equality is not
looked for in what is read by batch.
A stream keeps its order: its first 80 % are to train on, the next tenth is eval, the last is test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lab.data.dataset import AT_ONCE, Array, Dataset
from lab.errors import UsageError
from lab.messages import count, listed

FOLDS = 5
EVAL_PARTS = 8  # an eighth of what is not test
STREAM_ENDS = (0.8, 0.9)  # of train and eval, as fractions of a stream
BINS = 10  # quantiles by which values are stratified

Parts = dict[str, Array]


def split(dataset: Dataset, name: str, fold: int = 0, seed: int = 0) -> Parts:
    """Return the indices of "train", "eval" and "test", each ascending.

    Where the source sets its own test examples aside, `fold` turns what is held for eval instead,
    and nothing where it sets those aside as well.
    Raises UsageError where a part would be empty, or train would lack a class.
    """
    if dataset.stream and dataset.test is None:
        return _in_order(dataset, name, fold)
    units = _units(dataset)
    strata = _strata(dataset)
    everything = np.arange(len(dataset))
    if dataset.test is None:
        free = everything if dataset.eval is None else np.flatnonzero(~dataset.eval)
        test = _fold(free, units, strata, FOLDS, fold, seed)
    else:
        test = np.flatnonzero(dataset.test)
    rest = _without(everything, test, units)
    if dataset.eval is None:
        turn = 0 if dataset.test is None else fold
        selection = _fold(rest, units, strata, EVAL_PARTS, turn, seed + 1)
    else:
        selection = rest[dataset.eval[rest]]
    train = _without(rest, selection, units)
    parts = {"train": train, "eval": selection, "test": test}
    _check(dataset, name, parts)
    return parts


def _in_order(dataset: Dataset, name: str, fold: int) -> Parts:
    """Return the parts of a stream. Texts count by their length. Raises UsageError for a fold."""
    if fold:
        raise UsageError(f"--fold: {name} is a stream, whose parts follow each other")
    text = dataset.kind == "text"
    lengths = np.array([len(piece) for piece in dataset.inputs]) if text else np.ones(len(dataset))
    ends = np.cumsum(lengths)
    cuts = np.searchsorted(ends, np.array(STREAM_ENDS) * ends[-1], side="right")
    rows = np.split(np.arange(len(dataset)), cuts)
    parts = dict(zip(("train", "eval", "test"), rows, strict=True))
    _check(dataset, name, parts)
    return parts


def _without(rows: Array, taken: Array, units: Array) -> Array:
    """Return the rows that are not taken, nor belong together with one that is: where the source
    parted equal examples, what measures keeps its own."""
    return rows[~np.isin(units[rows], units[taken])]


def _units(dataset: Dataset) -> Array:
    """Return an id for each example, the same for those that belong together."""
    equal = _equal_inputs(dataset)
    if dataset.groups is None:
        return equal
    _, groups = np.unique(dataset.groups, return_inverse=True)
    units = _linked(equal, groups)
    ungrouped = np.flatnonzero(dataset.groups == -1)
    units[ungrouped] = units.max(initial=0) + 1 + np.arange(len(ungrouped))
    return units


def _linked(a: Array, b: Array) -> Array:
    """Return an id for each example, the same for those that a chain of equal ids in `a` or `b`
    links: two groups that share an example are one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first = int(a.max(initial=-1)) + 1
    nodes = first + int(b.max(initial=-1)) + 1
    links = coo_array((np.ones(len(a)), (a, first + b)), shape=(nodes, nodes))
    component = connected_components(links, directed=False)[1]
    return np.asarray(component[a], int)


def _equal_inputs(dataset: Dataset) -> Array:
    """Return an id for each example, the same for equal inputs."""
    if not isinstance(dataset.inputs, np.ndarray) and dataset.kind != "text":
        return np.arange(len(dataset))  # read by batch: too much to look through
    _, first, ids = np.unique(_digests(dataset.inputs), return_index=True, return_inverse=True)
    if len(first) == len(ids):
        return np.arange(len(ids))  # as below, without sorting many
    # counted as they come: data read by batch, where none are equal, are then split the same way
    return np.argsort(np.argsort(first))[ids]


def _digests(inputs: Any) -> Array:
    """Return 64 bits of each example [N], other ones for other bytes."""
    if not isinstance(inputs, np.ndarray):
        found = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in inputs)
        return np.frombuffer(b"".join(found), np.uint64)
    parts = [
        _mixed(np.ascontiguousarray(inputs[start : start + AT_ONCE]))
        for start in range(0, len(inputs), AT_ONCE)
    ]
    return np.concatenate(parts)


def _mixed(examples: Array) -> Array:
    """Return a hash of each example's bytes [N], all examples at once: word by word as
    splitmix64 mixes (Steele et al., 2014)."""
    octets = examples.reshape(len(examples), -1).view(np.uint8)
    padded = np.pad(octets, ((0, 0), (0, -octets.shape[1] % 8)))
    state = np.zeros(len(examples), np.uint64)
    for word in np.ascontiguousarray(padded.view(np.uint64).T):  # [N] of each word
        state = (state ^ word) + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return state


def _strata(dataset: Dataset) -> Array:
    """Return what each part should hold in the same proportion: classes, or tenths of values."""
    targets = dataset.targets
    if (
        targets is None
        or dataset.task in ("segment", "translate")
        or (dataset.classes and targets.ndim > 1)
    ):
        return np.zeros(len(dataset), int)
    if dataset.classes:
        return targets.astype(int)
    values = targets.reshape(len(dataset), -1)[:, 0]
    edges = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.searchsorted(edges, values)


def _fold(rows: Array, units: Array, strata: Array, parts: int, fold: int, seed: int) -> Array:
    """Return the `fold`-th of `parts` disjoint parts of `rows`.

    Units are shuffled within their stratum and dealt out in turn, each stratum going on where the
    last one stopped, so that parts and strata both come out even.
    """
    rng = np.random.default_rng(seed)
    members, first = np.unique(units[rows], return_index=True)
    stratum = strata[rows][first]
    order = rng.permutation(len(members))
    order = order[np.argsort(stratum[order], kind="stable")]
    chosen = members[order[fold % parts :: parts]]
    return rows[np.isin(units[rows], chosen)]


def _check(dataset: Dataset, name: str, parts: Parts) -> None:
    for part, rows in parts.items():
        if not len(rows):
            raise UsageError(f"{name}{_too_few(dataset)}: none is left to {part}")
    if dataset.task == "classify":
        assert dataset.targets is not None
        present = np.unique(dataset.labels(parts["train"]))
        for number, label in enumerate(dataset.classes):
            if number not in present:
                examples = count(int((dataset.targets == number).sum()), "example")
                raise UsageError(
                    f"{name}: class {label!r} is missing from train, of {examples} in all"
                    f"{_target_of(dataset)}"
                )


def _target_of(dataset: Dataset) -> str:
    """Name the column that a table's classes are of: it may have been another that was meant."""
    if len(dataset.target) != 1:
        return ""
    return (
        f". The target is {dataset.target[0]!r}, of {len(dataset.classes):,} classes; "
        "target=COLUMN chooses another"
    )


def _too_few(dataset: Dataset) -> str:
    """Say of a source how many examples it has, and how many different ones."""
    number, different = len(dataset), len(np.unique(_equal_inputs(dataset)))
    kind = dataset.kind if dataset.kind in ("image", "video", "text") else "example"
    if different == 1 < number:
        return f": all {count(number, kind)} are equal"
    if different < number:
        return f": {count(number, kind)}, only {different:,} of them different, are too few"
    return f" has {count(number, kind)}, too few"


def only(dataset: Dataset, name: str, classes: Sequence[str]) -> Dataset:
    """Return the examples of some classes, which are renumbered: names, or ranges as `0-4`.

    Raises UsageError where there is no such class.
    """
    if dataset.task != "classify" or dataset.targets is None or dataset.targets.ndim > 1:
        raise UsageError(f"--classes: {name} has no classes to choose from")
    indices = [index for word in classes for index in _class_indices(word, dataset.classes, name)]
    indices = list(dict.fromkeys(indices))
    rows = np.flatnonzero(np.isin(dataset.targets, indices))
    taken = dataset.take(rows)
    new_index = np.full(len(dataset.classes), -1)
    new_index[indices] = np.arange(len(indices))
    assert taken.targets is not None
    return replace(
        taken, targets=new_index[taken.targets], classes=tuple(dataset.classes[n] for n in indices)
    )


def _class_indices(word: str, classes: Sequence[str], name: str) -> list[int]:
    first, sign, last = word.partition("-")
    if word in classes:
        return [classes.index(word)]
    if sign and first in classes and last in classes:
        low, high = classes.index(first), classes.index(last)
        if low > high:
            raise UsageError(f"--classes: {first} comes after {last}; write {last}-{first}")
        return list(range(low, high + 1))
    raise UsageError(f"--classes: {name} has no class {word!r}. It has: {listed(classes)}")


def few(dataset: Dataset, name: str, rows: Array, labels: int, seed: int) -> Array:
    """Return `labels` of the `rows` for each class, or all where a class has fewer.

    Raises UsageError where examples have no class each, and where every class has fewer.
    """
    targets = dataset.targets
    if dataset.task != "classify" or targets is None or targets.ndim > 1:
        raise UsageError(f"--labels-per-class: the examples of {name} have no class each")
    most = int(np.bincount(targets[rows]).max())
    if labels > most:
        raise UsageError(
            f"--labels-per-class {labels:,}: no class of {name} has more than {most:,} to train on"
        )
    rng = np.random.default_rng(seed)
    chosen = [
        rng.permutation(rows[targets[rows] == label])[:labels] for label in np.unique(targets)
    ]
    return np.sort(np.concatenate(chosen))
