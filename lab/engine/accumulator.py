"""Average what is logged over the window between two logging points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from lab.errors import LabError

Value = float | int | torch.Tensor


class Window:
    """Sums and counts by name. CPU values are read at once (that costs nothing); values on an
    accelerator add up there, so that logging never waits for the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Value] = {}
        self._counts: dict[str, int] = {}

    def add(self, name: str, value: Value) -> None:
        try:
            if isinstance(value, torch.Tensor):
                value = value.detach()
                value = value.item() if value.device.type == "cpu" else value.float().reshape(())
            self._sums[name] = self._sums.get(name, 0.0) + value
        except (TypeError, ValueError, RuntimeError) as error:
            kind = type(value).__name__
            raise LabError(
                f"ctx.log({name!r}, ...) takes one number, not this {kind}: {error}"
            ) from error
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
