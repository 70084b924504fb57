"""Leave out the steps that only fill a batch up, where looking for them costs nothing."""

from __future__ import annotations

from torch import Tensor

from lab.data.batches import Batch
from lab.data.dataset_info import DatasetInfo
from lab.data.tokens import END
from lab.engine.context import Context


def costs_nothing(ctx: Context) -> bool:
    """Tell whether batches may differ in length: an accelerator would wait for it to be known, and
    what is compiled be compiled anew."""
    return ctx.device.type == "cpu" and not ctx.compute.compiled


def present(batch: Batch, info: DatasetInfo) -> Tensor | None:
    """Return which steps of the inputs there are, bool [B, T]; None where all are."""
    if "mask" in batch:
        return batch["mask"]
    return batch["inputs"] != END if info.kind == "tokens" else None


def trimmed(batch: Batch, info: DatasetInfo) -> Batch:
    """Return a batch whose inputs and mask [B, T] end with the last step of the longest row."""
    there = present(batch, info)
    if there is None:
        return batch
    steps = int(there.any(0).nonzero().max()) + 1 if there.any() else 1
    return {n: v[:, :steps] if n in ("inputs", "mask") else v for n, v in batch.items()}
