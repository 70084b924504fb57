"""Gather the weights of every attention of a network while it runs, for pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from lab.nn.eager import as_written
from lab.sequence.attention import MultiHeadAttention


@contextmanager
def attention_maps(module: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Return a context that gathers weights [B, heads, T, S] by the attention's qualified name.

    They are computed once more, since no fast kernel gives them away. Of an attention that is
    called several times the last call counts.
    """
    maps: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def hook(layer: MultiHeadAttention, arguments: Any, options: Any, outputs: Tensor) -> None:
            with torch.no_grad():
                maps[name] = layer.weights(*arguments, **options)

        return hook

    handles = [
        layer.register_forward_hook(watch(name), with_kwargs=True)
        for name, layer in module.named_modules()
        if isinstance(layer, MultiHeadAttention)
    ]
    try:
        with as_written(module):
            yield maps
    finally:
        for handle in handles:
            handle.remove()
