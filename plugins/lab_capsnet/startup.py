"""Tell early whether routing and loss move at all: capsules that begin saturated, or without any
length, may learn nothing, and nothing else shows it for long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

STEPS, WINDOW = 50, 10
MOVES = {"margin_loss": 2e-2, "routing_entropy": 1e-6}  # as fractions: less is noise of batches


class Startup:
    """Compares the means of training metrics over the first and the last of the first steps.

    Sums stay on their device until the last of those steps. routed: whether routing has rounds in
    which coefficients could move.
    """

    def __init__(self, routed: bool) -> None:
        self.names = tuple(MOVES) if routed else ("margin_loss",)
        self.steps = 0
        self.first: Tensor | None = None
        self.last: Tensor | None = None

    def add(self, metrics: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Take the metrics of a step; after the last one that is watched return the names of those
        that did not move."""
        if self.steps == STEPS:
            return ()
        values = torch.stack([metrics[name].detach().float() for name in self.names])
        if self.steps < WINDOW:
            self.first = values if self.first is None else self.first + values
        elif self.steps >= STEPS - WINDOW:
            self.last = values if self.last is None else self.last + values
        self.steps += 1
        if self.steps < STEPS or self.first is None or self.last is None:
            return ()
        moved = (self.last / self.first - 1).abs().tolist()
        return tuple(n for n, way in zip(self.names, moved, strict=True) if way < MOVES[n])

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "first": self.first, "last": self.last}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.steps, self.first, self.last = state["steps"], state["first"], state["last"]
