"""Compare nested states to the bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def difference(a: Any, b: Any, where: str = "state") -> str | None:
    """Return where two nested states first differ, and how; None where they do not."""
    import torch

    if isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor):
        return _tensors(a, b, where)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if list(a) != list(b):
            return f"{where} has keys {list(a)} and {list(b)}"
        return next(filter(None, (difference(a[k], b[k], f"{where}[{k!r}]") for k in a)), None)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        if len(a) != len(b):
            return f"{where} has lengths {len(a)} and {len(b)}"
        pairs = enumerate(zip(a, b, strict=True))
        return next(filter(None, (difference(x, y, f"{where}[{i}]") for i, (x, y) in pairs)), None)
    if type(a) is not type(b):
        return f"{where} is a {type(a).__name__} and a {type(b).__name__}"
    return None if a == b or (a != a and b != b) else f"{where} is {a!r} and {b!r}"


def _tensors(a: Any, b: Any, where: str) -> str | None:
    import torch

    if a.dtype != b.dtype or a.shape != b.shape or a.device.type != b.device.type:
        return f"{where} is {a.dtype} {tuple(a.shape)} and {b.dtype} {tuple(b.shape)}"
    same = a.detach().cpu().contiguous().view(-1), b.detach().cpu().contiguous().view(-1)
    if a.numel() == 0 or torch.equal(same[0].view(torch.uint8), same[1].view(torch.uint8)):
        return None
    return f"{where} holds other numbers"
