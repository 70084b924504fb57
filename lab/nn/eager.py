"""Run a compiled network as it is written, so that each of its layers is called."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn


def as_written(module: nn.Module) -> AbstractContextManager[Any]:
    """Return the context in which no layer of `module` runs as a compiled graph: hooks on its parts
    would not be called from there."""
    if any(part._compiled_call_impl is not None for part in module.modules()):
        stance: AbstractContextManager[Any] = torch.compiler.set_stance("force_eager")
        return stance
    return nullcontext()  # set_stance alone imports the compiler: more than a second
