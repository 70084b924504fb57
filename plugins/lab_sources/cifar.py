"""Read the binary version of CIFAR-10 and CIFAR-100 (Krizhevsky, 2009)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

import lab
from lab_sources.arrays import joined
from lab_sources.sdf import Array

SHAPE = (3, 32, 32)
PICKLED = ("data_batch_1", "train", "batches.meta", "meta")


def cifar(path: str, labels: str) -> lab.Dataset:
    """Return the images of a folder, uint8 [N, 3, 32, 32].

    CIFAR-10 is data_batch_*.bin, test_batch.bin and batches.meta.txt; CIFAR-100 is train.bin,
    test.bin and the names in fine_label_names.txt and coarse_label_names.txt, of which `labels`
    says which. The test files are for testing.
    """
    folder = Path(path).expanduser()
    if (folder / "train.bin").is_file():
        column, words = (
            (0, "coarse_label_names.txt") if labels == "coarse" else (1, "fine_label_names.txt")
        )
        files = {"train": [folder / "train.bin"], "test": [folder / "test.bin"]}
        width = 2
    else:
        column, words, width = 0, "batches.meta.txt", 1
        files = {
            "train": sorted(folder.glob("data_batch_*.bin")),
            "test": [folder / "test_batch.bin"],
        }
    _check_there(folder, files["train"], f"cifar:{path}")
    data = joined(
        {
            part: _part(there, width, column)
            for part, some in files.items()
            if (there := [file for file in some if file.is_file()])
        }
    )
    assert data.targets is not None
    classes = _names(folder / words, int(data.targets.max()) + 1)
    return lab.Dataset(data.inputs, data.targets, classes, data.test)


def _check_there(folder: Path, files: Sequence[Path], name: str) -> None:
    if files:
        return
    if not folder.is_dir():
        raise lab.UsageError(f"{name}: there is no such folder")
    if any((folder / pickled).is_file() for pickled in PICKLED):
        raise lab.UsageError(
            f"{name} holds the Python version, which is pickled and not read. Get the binary "
            "version, of which the files end in .bin"
        )
    raise lab.UsageError(f"{name} holds neither data_batch_1.bin nor train.bin")


def _part(files: Sequence[Path], labels: int, column: int) -> tuple[Array, Array]:
    """Return images and class numbers of files of records: `labels` bytes, then the image."""
    size = labels + int(np.prod(SHAPE))
    records = []
    for file in files:
        content = np.fromfile(file, np.uint8)
        if not len(content) or len(content) % size:
            raise lab.UsageError(
                f"cifar: {file} holds {len(content):,} bytes, no multiple of {size:,}: it may be "
                "cut off"
            )
        records.append(content.reshape(-1, size))
    values = np.concatenate(records)
    return values[:, labels:].reshape(-1, *SHAPE), values[:, column].astype(int)


def _names(file: Path, count: int) -> tuple[str, ...]:
    """Return the names of the classes, or their numbers where the file is not there."""
    if not file.is_file():
        return tuple(map(str, range(count)))
    names = tuple(file.read_text(encoding="utf-8").split())
    if len(names) < count:
        raise lab.UsageError(f"cifar: {file} names {len(names)} classes, but there are {count}")
    return names
