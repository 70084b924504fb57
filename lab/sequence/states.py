"""Carry what a model remembers between two tokens: rows of nested mappings of tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import torch
from torch import Tensor

State: TypeAlias = Mapping[str, Any]  # of tensors [B, ...], or of such mappings
Step: TypeAlias = Callable[[Tensor, State], tuple[Tensor, State]]
"""`step(tokens [B], state) -> (logits [B, V] of the next token, state)`: read one token a row."""


def select(state: State, rows: Tensor) -> dict[str, Any]:
    """Return the rows [N] of a state, in their order; a row may come several times or never.

    Raises TypeError for a leaf that is no tensor with a batch as its dimension 0.
    """
    return {name: _rows(name, value, rows) for name, value in state.items()}


def device_of(state: State) -> torch.device:
    """Return where the tensors of a state are; the CPU where it has none."""
    return next((leaf.device for leaf in _leaves(state)), torch.device("cpu"))


def _rows(name: str, value: Any, rows: Tensor) -> Any:
    if isinstance(value, Mapping):
        return select(value, rows)
    if not isinstance(value, Tensor) or not value.ndim:
        found = "a tensor without axes" if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"a state holds tensors [B, ...] by name; {name!r} is {found}")
    return value.index_select(0, rows)


def _leaves(state: State) -> Iterator[Tensor]:
    for value in state.values():
        if isinstance(value, Mapping):
            yield from _leaves(value)
        elif isinstance(value, Tensor):
            yield value
