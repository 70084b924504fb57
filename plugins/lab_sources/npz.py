"""Read arrays that numpy saved by name: images, tables or sequences, and their targets."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import lab
from lab_sources.arrays import joined, numbered
from lab_sources.sdf import Array

INPUTS = ("x", "images", "data", "inputs")
TARGETS = ("y", "labels", "targets", "target")
PARTS = {"train": "train", "val": "eval", "valid": "eval", "test": "test"}
CHANNELS = (1, 3)
MOST_MASKED = 256  # classes of a mask of bytes


def npz(path: str, task: str) -> lab.Dataset:
    """Return the arrays x and y of a file, or x_train, y_train, x_val, y_val, x_test and y_test.

    `images` and `labels` are other words for x and y (as are those of INPUTS and TARGETS), and
    `train_images` is another order. x: bytes [N, H, W], [N, H, W, C] or [N, C, H, W] are images,
    numbers [N, F] a table, [N, T, F] sequences. y: what `npz_task` says.
    """
    name = f"npz:{path}"
    with _opened(path, name) as arrays:
        found = _found(arrays, name)
        data = joined(
            {part: (arrays[x], None if y is None else arrays[y]) for part, (x, y) in found.items()}
        )
    inputs, notes = _as_inputs(data.inputs, name)
    targets: Array | None = None
    classes: tuple[str, ...] = ()
    if data.targets is not None:
        task = _task(data.targets) if task == "auto" else task
        targets, classes = _as_targets(data.targets, task, name)
    return lab.Dataset(inputs, targets, classes, data.test, data.eval, notes=notes)


def npz_task(path: str, task: str) -> str:
    """Say what the targets of a file are for: whole numbers and words are classes, masks where
    they are [N, H, W]; floats are values."""
    with _opened(path, f"npz:{path}") as arrays:
        _, y = _found(arrays, f"npz:{path}")["train"]
        return "none" if y is None else _task(arrays[y])


@contextmanager
def _opened(path: str, name: str) -> Iterator[Mapping[str, Array]]:
    """Open a file, whose arrays are read when they are asked for. Raises UsageError where that
    fails, and for pickled objects."""
    place = Path(path).expanduser()
    if not place.is_file():
        raise lab.UsageError(f"npz: there is no file {path}")
    if not zipfile.is_zipfile(place):
        raise lab.UsageError(f"{name} is no .npz file; write one by np.savez(path, x=..., y=...)")
    try:
        with np.load(place, allow_pickle=False) as arrays:
            yield arrays
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        if "allow_pickle" in str(error):
            raise lab.UsageError(
                f"{name} holds Python objects, which are pickled and not read. Save arrays of "
                "numbers, or of texts as np.array(labels, dtype=str)"
            ) from error
        raise lab.UsageError(f"{name} cannot be read: {error}") from error


def _found(arrays: Mapping[str, Any], name: str) -> dict[str, tuple[str, str | None]]:
    """Return the names of inputs and targets by part. Raises UsageError where there are no inputs,
    or only some parts have targets."""
    names = {key.lower(): key for key in arrays}
    found = {}
    for word, part in {"": "train", **PARTS}.items():
        x, y = (_first(names, words, word) for words in (INPUTS, TARGETS))
        if x is not None and part not in found:
            found[part] = (x, y)
    if "train" not in found:
        raise lab.UsageError(
            f"{name} holds neither x nor x_train, but {', '.join(arrays)}. Save it as "
            "np.savez(path, x=..., y=...)"
        )
    if len({y is None for _, y in found.values()}) > 1:
        raise lab.UsageError(f"{name}: only some parts have targets; it holds {', '.join(arrays)}")
    return found


def _first(names: Mapping[str, str], words: tuple[str, ...], part: str) -> str | None:
    """Return the array that is called by one of the words, and for a part; None for none."""
    for word in words:
        for key in (f"{word}_{part}", f"{part}_{word}") if part else (word,):
            if key in names:
                return names[key]
    return None


def _as_inputs(values: Array, name: str) -> tuple[Array, tuple[str, ...]]:
    """Return inputs as `lab.Dataset` has them, and what to say of how they are read."""
    if values.dtype.kind not in "fiub":
        raise lab.UsageError(f"{name}: inputs of type {values.dtype} are no numbers")
    if values.ndim == 4:
        images = _bytes(values, name)
        if images.shape[3] in CHANNELS:
            images = images.transpose(0, 3, 1, 2)
        elif images.shape[1] not in CHANNELS:
            raise lab.UsageError(
                f"{name}: images of shape {list(values.shape[1:])} have 1 or 3 channels "
                "neither first nor last"
            )
        return np.ascontiguousarray(images), ()
    if values.ndim == 3 and values.dtype == np.uint8:
        return values[:, None], ()
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    if values.ndim == 3:
        shape = ", ".join(map(str, values.shape[1:]))
        return values, (
            f"numbers [N, {shape}] are read as sequences, steps by features; gray images are bytes",
        )
    return values, ()


def _bytes(values: Array, name: str) -> Array:
    """Return images as bytes: numbers of 0 to 255 as they are, fractions of 1 scaled."""
    if values.dtype == np.uint8:
        return values
    low, high = float(values.min(initial=0)), float(values.max(initial=0))
    if not (low >= 0 and high <= 255):
        raise lab.UsageError(
            f"{name}: images of {low:g} to {high:g} are neither 0 to 255 nor 0 to 1"
        )
    scale = 255 if values.dtype.kind == "f" and high <= 1 else 1
    return np.asarray(np.rint(values * scale), np.uint8)


def _task(targets: Array) -> str:
    if targets.dtype.kind == "f":
        return "regress"
    return "segment" if targets.ndim == 3 else "classify"


def _as_targets(targets: Array, task: str, name: str) -> tuple[Array, tuple[str, ...]]:
    """Return targets as `lab.Dataset` has them, and the names of classes."""
    if task == "regress":
        if targets.dtype.kind not in "fiub":
            raise lab.UsageError(
                f"{name}: targets of type {targets.dtype} are no values; task=classify"
            )
        return targets.reshape(len(targets), -1).astype(np.float64), ()
    if task == "segment":
        numbers, classes = numbered(targets)
        if len(classes) > MOST_MASKED:
            raise lab.UsageError(f"{name}: masks of {len(classes)} classes; {MOST_MASKED} at most")
        return numbers.astype(np.uint8), classes
    if targets.dtype.kind == "f":
        if not (np.mod(targets, 1) == 0).all():
            raise lab.UsageError(f"{name}: targets with decimals are no classes; task=regress")
        targets = targets.astype(int)
    if targets.size != len(targets):
        raise lab.UsageError(
            f"{name}: a class for each example is one number, not {list(targets.shape[1:])}; "
            "of one-hot rows save y.argmax(1)"
        )
    return numbered(targets.reshape(-1))
