"""Round as another CPU would: `pytest -p rounding` sums matrix products in the other order.

No two kinds of CPU sum in the same order, so a test that passes only in one order tests the
machine. Results stay deterministic: what must repeat to the bit still does, in this process and in
those that the tests start (`children/sitecustomize.py`).
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import torch

CHILDREN = str(Path(__file__).with_name("children"))


def mm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return a @ b, the terms of each sum reversed; by `bmm`, which is left as it is."""
    if a.shape[1] != b.shape[0]:
        (m, n), (k, p) = a.shape, b.shape
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({m}x{n} and {k}x{p})")
    return torch.bmm(a.flip(1)[None], b.flip(0)[None])[0]


def addmm(
    bias: torch.Tensor, a: torch.Tensor, b: torch.Tensor, *, beta: float = 1, alpha: float = 1
) -> torch.Tensor:
    product = mm(a, b) if alpha == 1 else alpha * mm(a, b)
    return product if beta == 0 else product + (bias if beta == 1 else beta * bias)


def reverse() -> None:
    torch.backends.mkldnn.set_flags(False)  # convolutions by another library, too
    with warnings.catch_warnings(action="ignore"):  # it says that a kernel is replaced, as it is
        LIBRARY.impl("mm", mm, "CPU")
        LIBRARY.impl("addmm", addmm, "CPU")


def pytest_configure() -> None:
    reverse()
    sys.path.append(CHILDREN)  # which some tests hand on
    os.environ["PYTHONPATH"] = os.pathsep.join(
        filter(None, [CHILDREN, os.environ.get("PYTHONPATH")])
    )


LIBRARY = torch.library.Library("aten", "IMPL")  # as long as it lives, so do its kernels
