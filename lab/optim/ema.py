"""Keep an exponential moving average of a network, parameters and buffers, to evaluate with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class EMA:
    """Averages a <- d a + (1 - d) w with d = min(decay, (1 + t) / (10 + t)) at update t = 0, 1, ...

    The decay rises from 0.1, so that the random start is soon forgotten. Buffers of whole numbers
    (BatchNorm's count) are copied. The module is on its device before this is made.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module, self.decay = module, decay
        self.updates = 0
        self._values = list({id(value): value for value in self._named().values()}.values())
        self._averages = [value.detach().clone() for value in self._values]

    def _named(self) -> dict[str, Tensor]:
        """Return the tensors of the state themselves; tied ones come under each of their names."""
        state = self.module.state_dict(keep_vars=True)
        return {name: value for name, value in state.items() if isinstance(value, Tensor)}

    @torch.no_grad()
    def update(self) -> None:
        """Move the averages towards the module as it is now."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        pairs = list(zip(self._averages, self._values, strict=True))
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        if floats:
            averages, values = map(list, zip(*floats, strict=True))
            torch._foreach_lerp_(averages, [value.detach() for value in values], 1.0 - decay)
        for average, value in pairs:
            if not average.is_floating_point():
                average.copy_(value)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """Swap the averages into the module, and its own values back after, to the bit."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for average, value in zip(self._averages, self._values, strict=True):
            own = value.clone()
            value.copy_(average)
            average.copy_(own)

    def model_state(self) -> dict[str, Any]:
        """Return the module's state with the averages in the place of its values."""
        averages = {id(v): a for v, a in zip(self._values, self._averages, strict=True)}
        state = self.module.state_dict()
        return {**state, **{name: averages[id(value)] for name, value in self._named().items()}}

    @torch.no_grad()
    def load_model_state(self, state: Mapping[str, Any]) -> None:
        """Copy averages that `model_state` returned."""
        averages = {id(v): a for v, a in zip(self._values, self._averages, strict=True)}
        for name, value in self._named().items():
            averages[id(value)].copy_(state[name])
