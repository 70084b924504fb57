"""Tell whether data that are read again have changed.

An entry is plain data: the description of the source, the number of examples, and a digest of each
part of the data. So changes can be named without keeping the old data.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple
from typing import Any

import numpy as np

from lab.data.dataset import AT_ONCE, Array, Dataset, nbytes
from lab.messages import count

SAMPLED = 1_000  # examples of a column that is read by batch
SAMPLED_BYTES = 64 * 2**20
CONTENTS = {
    "inputs": "inputs",
    "sample": "inputs",
    "targets": "targets",
    "factors": "factors",
    "mask": "mask",
    "trees": "trees",
}

Entry = Mapping[str, Any]


def digests(dataset: Dataset, parts: Mapping[str, Array] | None = None) -> dict[str, str]:
    """Return a digest of each part of the data, and of the split.

    inputs: all of them; of a column that is read by batch instead `sample`, of up to 1,000 evenly
    spaced examples (64 MB at most): all of it may take too long.
    """
    column = dataset.inputs
    if dataset.kind == "text":
        inputs = {"inputs": _digest(json.dumps(list(column)).encode())}
    elif isinstance(column, np.ndarray):
        inputs = {"inputs": _of_arrays([column])}
    else:
        inputs = {"sample": _of_arrays([np.asarray(column[_spaced(column)])])}
    targets = [] if dataset.targets is None else [dataset.targets]
    factors = sorted(dataset.factors)
    digest_of = {
        **inputs,
        "targets": _of_arrays(targets),
        "classes": _digest(json.dumps(dataset.classes).encode()),
        "vocabulary": _digest(json.dumps(dataset.vocabulary).encode()),
        "target_vocabulary": _digest(json.dumps(dataset.target_vocabulary).encode()),
        "columns": _digest(json.dumps([astuple(column) for column in dataset.columns]).encode()),
        "factors": _of_arrays([dataset.factors[name] for name in factors], factors),
    }
    for name in ("mask", "trees"):
        values = getattr(dataset, name)
        if values is not None:
            digest_of[name] = _of_arrays([values])
    if parts is not None:
        digest_of["split"] = _of_arrays(list(parts.values()), list(parts))
    return digest_of


def fingerprint(description: Entry, digested: Mapping[str, str]) -> str:
    """Return one digest of all: equal where the data, their split and their kind are."""
    facts = [description[name] for name in ("kind", "task", "shape")]
    return _digest(json.dumps([facts, dict(digested)], sort_keys=True).encode())


def contents_changed(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return which parts of the examples have other digests, in words."""
    words = [word for name, word in CONTENTS.items() if _differs(before, now, name)]
    return [f"other {word}" for word in words]


def changes(before: Entry, now: Entry) -> list[str]:
    """Return in words what has changed between two entries of one source, [] for nothing."""
    changed = misfits(before, now)
    if before["examples"] != now["examples"]:
        changed.append(f"{count(now['examples'], 'example')}, not {before['examples']:,}")
    else:
        changed += contents_changed(before["digests"], now["digests"])
    if not changed and _differs(before["digests"], now["digests"], "split"):
        changed.append("another split")
    return changed


def misfits(before: Entry, now: Entry) -> list[str]:
    """Return in words what has changed so that a network for the old data does not fit the new."""
    mismatches = []
    for name in ("kind", "task", "shape", "target_shape"):
        if before[name] != now[name]:
            words = name.replace("_", " ")
            mismatches.append(f"{words} {_text(now[name])}, not {_text(before[name])}")
    if _differs(before["digests"], now["digests"], "columns"):
        mismatches.append("other columns or categories")
    for name, word in (
        ("classes", "classes"), ("vocabulary", "words"), ("target_vocabulary", "target words"),
    ):  # fmt: skip
        if before.get(name) != now.get(name):
            mismatches.append(f"{now.get(name, 0):,} {word}, not {before.get(name, 0):,}")
        elif _differs(before["digests"], now["digests"], name):
            mismatches.append(f"other {word}")
    return mismatches


def _text(value: Any) -> str:
    return " x ".join(map(str, value)) or "()" if isinstance(value, list) else str(value)


def _differs(before: Mapping[str, str], now: Mapping[str, str], name: str) -> bool:
    """Tell whether both have a digest, and the digests differ."""
    return name in before and name in now and before[name] != now[name]


def _spaced(column: Any) -> Array:
    """Return the indices of evenly spaced examples, the first and the last among them."""
    each = max(1, nbytes(column) // max(1, len(column)))
    count = min(len(column), SAMPLED, max(1, SAMPLED_BYTES // each))
    return np.unique(np.linspace(0, len(column) - 1, count).astype(int))


def _of_arrays(arrays: Iterable[Array], names: Iterable[str] = ()) -> str:
    digest = hashlib.sha256(json.dumps(list(names)).encode())
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        for start in range(0, len(array), AT_ONCE):  # what is not contiguous is copied
            digest.update(np.ascontiguousarray(array[start : start + AT_ONCE]).data)
    return _short(digest.hexdigest())


def _digest(content: bytes) -> str:
    return _short(hashlib.sha256(content).hexdigest())


def _short(digest: str) -> str:
    return digest[:32]
