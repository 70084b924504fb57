"""Check and present requests to generators, with clear errors where they cannot be met."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lab.data.data import Data
from lab.data.dataset_info import DatasetInfo
from lab.errors import UsageError
from lab.storage.media import Table

FEWEST = 6  # examples in each of two sets that are compared


def class_number(name: str, classes: Sequence[str]) -> int:
    """Return the number of the class that `--class` names. Raises UsageError where there is none of
    that name."""
    if name not in classes:
        raise UsageError(f"There is no class {name!r}; there is: {', '.join(classes)}")
    return list(classes).index(name)


def sample_table(samples: Tensor, info: DatasetInfo | None = None) -> Table:
    """Return samples [N, ...] that are no pictures as rows of a table; with the names of a source's
    columns, and categories, dates and booleans as such."""
    rows = samples.flatten(1).cpu().tolist()
    names = [f"x{number}" for number in range(len(rows[0]))]
    if info is not None and len(info.features) == len(names):
        names = list(info.features)
    if info is not None and info.encoding is not None:
        columns = info.encoding.columns
        rows = [[c.text(v) for c, v in zip(columns, row, strict=True)] for row in rows]
    return Table(names, rows)


def check_variety(data: Data) -> None:
    """Raise UsageError where all training examples are the same: there is nothing to learn then."""
    train = data.train
    first = train.first(1)["inputs"]
    for batch in train.batches(1_024):
        if not torch.equal(batch["inputs"], first.expand_as(batch["inputs"])):
            return
    raise UsageError(
        f"{data.info.name}: all {len(train)} training examples are the same, so there is nothing "
        "to learn from them."
    )


def check_size(data: Data, samples: int) -> None:
    """Raise UsageError where samples, or the examples of eval or test, are too few to measure."""
    for split in ("eval", "test"):
        comparable(data, split, samples)


def comparable(data: Data, split: str, samples: int) -> int:
    """Return how many samples can be compared with as many examples of a split, of which as many
    others remain. Raises UsageError where they are too few to measure."""
    examples = len(data.part(split))
    count = min(samples, examples // 2)
    if count < FEWEST:
        raise UsageError(
            f"{data.request.data}: {samples} samples and {examples} examples to {split} are too "
            f"few: {FEWEST} and {2 * FEWEST} are needed"
        )
    return count
