"""Average what is logged over the window between two logging points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lab.errors import LabError

Value = float | int | torch.Tensor
MetricValue = float | torch.Tensor  # one number, or a tensor [S] with one value per lane


class MetricAccumulator:
    """Sums and counts by name. CPU values are read at once (that costs nothing); values on an
    accelerator add up there, so that logging never waits for the device. Tensors [S], one value for
    each lane, stay tensors: the recorder tells the lanes apart."""

    def __init__(self) -> None:
        self._sums: dict[str, MetricValue] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, value: Value) -> None:
        try:
            self._sums[name] = _sum(self._sums.get(name, 0.0), _read(value))
        except (TypeError, ValueError, RuntimeError) as error:
            kind = type(value).__name__
            raise LabError(
                f"ctx.log({name!r}, ...) takes one number or a tensor [S], not this {kind}: {error}"
            ) from error
        self._counts[name] = self._counts.get(name, 0) + 1

    def means(self) -> dict[str, MetricValue]:
        """Return the mean of each name that was logged since the last `clear`."""
        return {name: _here(total) / self._counts[name] for name, total in self._sums.items()}

    def clear(self) -> None:
        self._sums.clear()
        self._counts.clear()

    def state_dict(self) -> dict[str, Any]:
        return {"sums": {k: _here(v) for k, v in self._sums.items()}, "counts": dict(self._counts)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._sums, self._counts = dict(state["sums"]), dict(state["counts"])


def _read(value: Value) -> MetricValue:
    """Return what to add up: a number, or a tensor that waits for its device or holds lanes."""
    if not isinstance(value, torch.Tensor):
        return float(0.0 + value)
    value = value.detach()
    if value.ndim > 1:
        raise ValueError(f"its shape is {tuple(value.shape)}")
    if value.device.type != "cpu":
        return value.float()
    return value.double() if value.ndim else float(value)


def _sum(total: MetricValue, value: MetricValue) -> MetricValue:
    if isinstance(total, torch.Tensor) and isinstance(value, torch.Tensor):
        total = total.to(value.device)  # a restored one is on the CPU
    return total + value


def _here(total: MetricValue) -> MetricValue:
    """Return a sum off its device, in double precision."""
    if isinstance(total, torch.Tensor) and total.ndim:
        return total.cpu().double()
    return float(total)
