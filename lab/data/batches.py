"""Hand out examples by batch: shuffled and endless to train on, in order to measure on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from lab.compute.rng import derive_seed
from lab.data.dataset import Array, Column
from lab.data.trees import IGNORED as IGNORED  # the class of what is no target

Batch = dict[str, Tensor]
"""Named tensors [B, ...] of the same examples: `inputs` as the source gives them, `targets`,
`mask` [B, T], the steps that there are, `trees` [B, T - 1, 2], the nodes over them, and `rows`,
which examples of the split they are. What there is not has no key. Whoever prepares a batch for a
loss adds what that needs (`noise`, `labels`); a tensor [] holds for the batch as a whole."""


@dataclass(frozen=True)
class Split:
    """Some examples of a dataset. What fits the memory budget is a tensor on the device, the rest
    is read by batch."""

    inputs: Any  # Tensor on the device, or Column
    targets: Tensor | None
    indices: Array  # in the dataset
    device: torch.device
    mask: Tensor | None = None  # [N, T], the steps that there are
    trees: Tensor | None = None  # [N, T - 1, 2], the children of each inner node

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, rows: Tensor) -> Batch:
        """Return the examples at `rows` [B], indices within the split, on the device."""
        batch = {"inputs": self._inputs(rows)}
        if self.targets is not None:
            batch["targets"] = self.targets[rows]
        if self.mask is not None:
            batch["mask"] = self.mask[rows]
        if self.trees is not None:
            batch["trees"] = self.trees[rows]
        batch["rows"] = rows
        return batch

    def _inputs(self, rows: Tensor) -> Tensor:
        if isinstance(self.inputs, Tensor):
            return self.inputs[rows]
        inputs = np.ascontiguousarray(self.inputs[self.indices[rows.cpu().numpy()]])
        return torch.from_numpy(inputs).to(self.device)

    def first(self, number: int) -> Batch:
        """Return the first examples, `number` at most."""
        return self.take(torch.arange(min(number, len(self)), device=self.device))

    def batches(self, size: int) -> Iterator[Batch]:
        """Yield all examples once, in order; the last batch may be smaller."""
        for start in range(0, len(self), size):
            yield self.take(torch.arange(start, min(start + size, len(self)), device=self.device))


def make_split(
    column: Column,
    targets: Array | None,
    indices: Array,
    device: torch.device,
    resident: bool,
    mask: Array | None = None,
    trees: Array | None = None,
) -> Split:
    """Return the examples at `indices`, on the device where they are `resident`."""
    inputs: Any = column
    if resident:
        inputs = torch.from_numpy(np.ascontiguousarray(column[indices])).to(device)
    split_targets, split_mask, split_trees = (
        None if array is None else torch.from_numpy(np.ascontiguousarray(array[indices])).to(device)
        for array in (targets, mask, trees)
    )
    return Split(inputs, split_targets, indices, device, split_mask, split_trees)


class Batches(Protocol):
    """An endless supply of batches to train on. What it hands out next is decided by its state
    alone, so that a resumed run goes on with what would have come."""

    @property
    def epoch(self) -> float:
        """How often the data were gone through."""

    def next(self) -> Batch: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...


class ShuffledBatches:
    """An endless run through a split, shuffled anew for each epoch.

    Batches are all of one size: where an epoch ends within one, the next epoch begins in it. So
    each example comes once an epoch, none is left over, and compiled code sees one shape. The
    order depends on the seed and the epoch alone: `seen` is the whole state.
    """

    def __init__(self, split: Split, size: int, seed: int) -> None:
        self.split = split
        self.size = min(size, len(split))
        self.seen = 0
        self._seed = seed
        self._orders: dict[int, Tensor] = {}

    @property
    def epoch(self) -> float:
        """How often the split was gone through."""
        return self.seen / len(self.split)

    def next(self) -> Batch:
        epoch, start = divmod(self.seen, len(self.split))
        rows = self._order(epoch)[start : start + self.size]
        if len(rows) < self.size:
            rows = torch.cat([rows, self._order(epoch + 1)[: self.size - len(rows)]])
        self.seen += self.size
        return self.split.take(rows)

    def _order(self, epoch: int) -> Tensor:
        """Return the shuffled rows of an epoch."""
        if epoch not in self._orders:
            self._orders = {e: order for e, order in self._orders.items() if e == epoch - 1}
            generator = torch.Generator().manual_seed(derive_seed(self._seed, "order", epoch))
            order = torch.randperm(len(self.split), generator=generator)
            self._orders[epoch] = order.to(self.split.device)
        return self._orders[epoch]

    def state_dict(self) -> dict[str, int]:
        return {"seen": self.seen}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.seen = state["seen"]
        self._orders = {}
