"""Tell early whether routing and loss move at all: capsules that begin saturated, or without any
length, may learn nothing, and nothing else shows it for long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

STEPS = 50
MOVES = {"margin_loss": 1e-2, "routing_entropy": 1e-6}  # in units of the highest: less is noise


class Startup:
    """Watches training metrics over the first steps: what stayed within a range is stuck.

    Values stay on their device until the last of those steps. routed: whether routing has rounds in
    which coefficients could move.
    """

    def __init__(self, routed: bool) -> None:
        self.names = tuple(MOVES) if routed else ("margin_loss",)
        self.steps = 0
        self.lowest: Tensor | None = None
        self.highest: Tensor | None = None

    def add(self, metrics: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Take the metrics of a step; after the last one that is watched return the names of those
        that did not move."""
        if self.steps == STEPS:
            return ()
        values = torch.stack([metrics[name].detach().float() for name in self.names])
        self.lowest = values if self.lowest is None else torch.minimum(self.lowest, values)
        self.highest = values if self.highest is None else torch.maximum(self.highest, values)
        self.steps += 1
        if self.steps < STEPS:
            return ()
        moved = (1 - self.lowest / self.highest).tolist()
        return tuple(n for n, way in zip(self.names, moved, strict=True) if way < MOVES[n])

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "lowest": self.lowest, "highest": self.highest}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.steps = state["steps"]
        self.lowest, self.highest = state["lowest"], state["highest"]
