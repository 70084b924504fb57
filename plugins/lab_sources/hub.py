"""Read data sets of the Hugging Face hub, or saved ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import lab
from lab.data.tables import check_columns, from_frame, read_target
from lab_sources.images import read
from lab_sources.optional_import import needs
from lab_sources.sdf import Array

PARTS = ("train", "test", "eval")
MEASURED = ("test", "validation", "valid")  # of those with labels the first tests, the next selects


def hub(
    name: str,
    task: str,
    config: str,
    split: str,
    image: str,
    label: str,
    size: int,
    max_eager_mb: int,
) -> lab.Dataset:
    """Return a data set by `owner/name`, or by the folder that `save_to_disk` wrote.

    Columns are chosen by their types: images with classes, texts with classes, or else a table. The
    split `test` is for testing and `validation` for selection; without a test split that has
    labels, `validation` is for testing.
    Raises UsageError where it cannot be had, and where columns are not there.
    """
    datasets = needs("datasets", "hub")
    source = f"hub:{name}"
    parts = _load(datasets, name, config)
    chosen = _chosen(parts, split, source, label)
    dataset = datasets.concatenate_datasets(list(chosen.values()))
    parts_of = np.repeat(list(chosen), [len(part) for part in chosen.values()])
    test, selection = (parts_of == part if part in chosen else None for part in ("test", "eval"))
    check_columns(dataset.column_names, [column for column in (image, label) if column], source)
    image = image or _of_type(dataset, datasets.Image)
    text = _texts(dataset, datasets)
    if not image and not text:
        return from_frame(
            dataset.to_pandas(), source, target=label, task=task, test=test, eval=selection
        )
    targets, classes = _targets(dataset, datasets, source, label, task)
    if not image:
        return lab.Dataset(list(dataset[text]), targets, classes, test, selection)
    encoded = dataset.cast_column(image, datasets.Image(decode=False)).select_columns([image])
    names = [f"{source} image {row}" for row in range(len(encoded))]
    pictures = read(lambda rows: _bytes(encoded, image, rows), names, size, max_eager_mb, True)
    return lab.Dataset(
        pictures.inputs,
        None if targets is None else targets[pictures.kept],
        classes,
        None if test is None else test[pictures.kept],
        None if selection is None else selection[pictures.kept],
        bad=pictures.bad,
        notes=pictures.notes,
    )


def _load(datasets: Any, name: str, config: str) -> Mapping[str, Any]:
    """Return the splits by name."""
    folder = Path(name).expanduser()
    try:
        if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
            splits = datasets.load_from_disk(str(folder))
        else:
            splits = datasets.load_dataset(name, config or None)
    except Exception as error:  # of the network, the hub, or the files
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise lab.UsageError(f"hub:{name} cannot be had: {reason[0]}") from error
    return dict(splits) if isinstance(splits, dict) else {"train": splits}


def _chosen(parts: Mapping[str, Any], split: str, source: str, label: str) -> dict[str, Any]:
    """Return one split, or those that there are of "train", "eval" and "test"."""
    if split:
        if split not in parts:
            raise lab.UsageError(f"{source} has no split {split!r}. It has: {', '.join(parts)}")
        return {"train": parts[split]}
    first = "train" if "train" in parts else next(iter(parts))
    others = [
        name
        for name in MEASURED
        if name in parts and name != first and not _is_secret(parts[name], label)
    ]
    return {part: parts[name] for part, name in zip(PARTS, [first, *others], strict=False)}


def _is_secret(part: Any, label: str) -> bool:
    """Tell whether a split hides its labels, as those of competitions do: all are -1."""
    column = label or "label"
    return column in part.column_names and set(part[column][:100]) == {-1}


def _of_type(dataset: Any, kind: type) -> str:
    """Return the first column of a type, or an empty string."""
    return next((name for name, f in dataset.features.items() if isinstance(f, kind)), "")


def _texts(dataset: Any, datasets: Any) -> str:
    """Return the column of texts, if all other columns are classes, or an empty string."""
    others = [
        name for name, f in dataset.features.items() if not isinstance(f, datasets.ClassLabel)
    ]
    is_text = len(others) == 1 and getattr(dataset.features[others[0]], "dtype", "") == "string"
    return others[0] if is_text else ""


def _targets(
    dataset: Any, datasets: Any, source: str, label: str, task: str
) -> tuple[Array | None, tuple[str, ...]]:
    """Return class numbers and names, or values, of the column of labels."""
    label = label or _of_type(dataset, datasets.ClassLabel)
    if task == "none":
        return None, ()
    if not label:
        columns = ", ".join(dataset.column_names)
        raise lab.UsageError(
            f"{source}: which column is the label? Say label=NAME, or task=none. It has: {columns}"
        )
    if task == "regress":
        return np.array(dataset[label][:], np.float32)[:, None], ()
    if isinstance(dataset.features[label], datasets.ClassLabel):
        return np.array(dataset[label][:], int), tuple(dataset.features[label].names)
    classes, numbers = read_target(
        dataset.select_columns([label]).to_pandas()[label], label, task, source
    )
    return numbers, classes


def _bytes(encoded: Any, image: str, rows: Sequence[int]) -> list[Any]:
    """Return encoded images from the arrow table."""
    cells = encoded[np.asarray(rows)][image]
    return [cell["bytes"] if cell["bytes"] is not None else Path(cell["path"]) for cell in cells]
