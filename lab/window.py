"""Average what is logged over the window between two logging points."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

from lab.errors import Diverged

Value = float | int | torch.Tensor


class Window:
    """Sums and counts by name. CPU values are read at once (that costs nothing); values on an
    accelerator add up there, so that logging never waits for the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Value] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, value: Value) -> None:
        if isinstance(value, torch.Tensor):
            value = value.detach()
            value = value.item() if value.device.type == "cpu" else value.float()
        self._sums[name] = self._sums.get(name, 0.0) + value
        self._counts[name] = self._counts.get(name, 0) + 1

    def means(self) -> dict[str, float]:
        """Return the mean of each name that was logged since the last `clear`."""
        return {name: float(total) / self._counts[name] for name, total in self._sums.items()}

    def clear(self) -> None:
        self._sums.clear()
        self._counts.clear()

    def state_dict(self) -> dict[str, Any]:
        return {"sums": {k: float(v) for k, v in self._sums.items()}, "counts": dict(self._counts)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._sums, self._counts = dict(state["sums"]), dict(state["counts"])


def check_finite(metrics: Mapping[str, float], clock: int) -> None:
    """Raise Diverged that names the first metric which is no finite number."""
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise Diverged(
                f"{name} became {value} by clock {clock}: training diverged. "
                "A smaller learning rate or gradient clipping usually helps."
            )
