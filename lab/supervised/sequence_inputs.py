"""Take sequences to predict from: arrays and lists of a person's Python, each of its own length."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from lab.data.batches import Batch
from lab.data.dataset import IN_STEPS
from lab.data.dataset_info import DatasetInfo
from lab.data.tokens import END
from lab.errors import UsageError
from lab.sequence.masks import keep_mask
from lab.supervised.inputs import as_inputs, check_many
from lab.supervised.sentences import are_texts


def as_steps(values: Any, info: DatasetInfo, device: torch.device) -> Batch:
    """Return `inputs` [B, T, ...] as the source has them, and a `mask` [B, T] where some are
    shorter, of what a person hands to `predict`.

    That is an array or a tensor [B, T, ...], or a list of B sequences, each with steps of its own
    number. Steps of numbers that are NaN at the end are none; tokens are filled up by their end.
    Inputs without steps, and texts, are taken as by `as_inputs`. Raises UsageError for what does
    not fit.
    """
    check_many(values)
    if info.kind not in (*IN_STEPS, "series") or (info.kind == "tokens" and are_texts(values)):
        return {"inputs": as_inputs(values, info, device)}
    rows = [_row(row, info) for row in values]
    if not rows:
        raise UsageError("there is no sequence to predict from")
    inputs = pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([_length(row) for row in rows])
    batch = {"inputs": inputs.to(device)}
    if info.kind != "tokens" and bool((lengths < inputs.shape[1]).any()):
        batch["mask"] = keep_mask(lengths, inputs.shape[1]).to(device)
    return batch


def filled(batch: Batch) -> Tensor:
    """Return the inputs of a batch with NaN where its mask says that there is no step, as
    `as_steps` reads them; bytes and tokens as they are."""
    inputs = batch["inputs"]
    if "mask" not in batch or not inputs.is_floating_point():
        return inputs
    return inputs.masked_fill(~batch["mask"][..., None], torch.nan)


def present_steps(inputs: Tensor, info: DatasetInfo) -> list[int]:
    """Return how many steps there are in inputs [B, T, ...], as `filled` returns them."""
    rows: list[int] = [_length(row) for row in inputs]
    if info.kind == "tokens":
        rows = (inputs != END).sum(1).clamp(min=1).tolist()
    return rows


class Unfilled(nn.Module):
    """A network that takes a mask in the end, as one that takes none: of inputs [B, T, F] NaN is no
    step."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, inputs: Tensor, *others: Tensor) -> Tensor:
        outputs: Tensor = self.net(inputs.nan_to_num(0.0), *others, ~inputs.isnan().all(-1))
        return outputs


def _row(values: Any, info: DatasetInfo) -> Tensor:
    """Return one sequence [T, ...]. Raises UsageError where it is none of this source."""
    try:
        steps = torch.as_tensor(values if isinstance(values, Tensor) else np.array(values))
    except (TypeError, ValueError) as error:
        raise UsageError(f"a sequence is no array of numbers: {error}") from error
    shape = info.shape if info.kind == "series" else info.shape[1:]  # of a step
    if not steps.dim() or tuple(steps.shape[1:]) != shape:
        expected = ", ".join(map(str, ("T", *shape)))
        raise UsageError(f"{info.name} has sequences [{expected}]; one is {list(steps.shape)}")
    if info.kind == "tokens":
        _check_tokens(steps, len(info.vocabulary))
        return steps.long()
    if info.kind == "video" and not steps.is_floating_point():
        if bool(((steps < 0) | (steps > 255)).any()):
            raise UsageError("whole numbers in images are bytes: from 0 to 255")
        return steps.to(torch.uint8)
    return steps.double() if info.kind == "series" else steps.float()


def _length(steps: Tensor) -> int:
    """Return how many steps there are before those that are NaN. Raises UsageError for none, and
    for another number that is not finite."""
    if not steps.is_floating_point():
        length = len(steps)
    else:
        length = int((~steps.isnan().flatten(1).all(1)).sum())
        if not bool(torch.isfinite(steps[:length]).all()):
            raise UsageError("the inputs hold what is no finite number")
    if not length:
        raise UsageError("a sequence without a step says nothing: leave it out")
    return length


def _check_tokens(steps: Tensor, words: int) -> None:
    whole = not steps.is_floating_point()
    if not whole or bool(((steps < END) | (steps >= words)).any()):
        raise UsageError(f"tokens are whole numbers from 0 to {words - 1}")
