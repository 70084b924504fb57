"""Let every device draw the same random numbers: those of the CPU.

Generators of different devices give different numbers for one seed. To compare what two devices
compute, every operation that torch marks as drawing is done on the CPU, and its result is moved
to the device of the operation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map


class SameDraws(TorchDispatchMode):
    """A context in which all random numbers come from one seed, whatever the device or the
    generator."""

    def __init__(self, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.generator = Generator().manual_seed(seed)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        tensors: list[Tensor] = []
        tree_map(lambda x: tensors.append(x) if isinstance(x, Tensor) else None, args)
        device = tensors[0].device if tensors else torch.device(kwargs.get("device") or "cpu")
        here, named = tree_map(self._on_cpu, args), tree_map(self._on_cpu, kwargs)
        if "device" in named:
            named["device"] = torch.device("cpu")
        if any(argument.name == "generator" for argument in func._schema.arguments):
            named["generator"] = self.generator
        drawn = func(*here, **named)
        if func._schema.is_mutable:  # in place: `uniform_`
            return args[0].copy_(here[0])
        return tree_map(lambda x: x.to(device) if isinstance(x, Tensor) else x, drawn)

    def _on_cpu(self, value: Any) -> Any:
        """Return a tensor as a copy that lies in order: numbers are drawn in that of memory."""
        if isinstance(value, Tensor):
            return value.cpu().clone(memory_format=torch.contiguous_format)
        return self.generator if isinstance(value, Generator) else value
