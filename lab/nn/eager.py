"""Run a network as it is written, so that each of its layers is called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn


@contextmanager
def as_written(module: nn.Module) -> Iterator[None]:
    """Run no layer of `module` as a compiled graph: hooks on its parts would not be called from
    there. Nor does one that is `fused` run torch's own kernel, which cannot be exported, and on
    CUDA has no gradient in eval mode."""
    fused: list[Any] = [part for part in module.modules() if getattr(part, "fused", False)]
    for part in fused:
        part.fused = False
    try:
        with _eager(module):
            yield
    finally:
        for part in fused:
            part.fused = True


def _eager(module: nn.Module) -> AbstractContextManager[Any]:
    if any(part._compiled_call_impl is not None for part in module.modules()):
        stance: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
        return stance
    return nullcontext()  # set_stance alone imports the compiler: more than a second
