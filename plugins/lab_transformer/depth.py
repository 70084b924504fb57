"""Set everything that grows with a network by one number, its depth.

The rules are measured (`benchmarks/transformer.py depth`; the table stands in docs/transformer.md).
Width and heads grow with depth, so that a head stays 32 wide. The best rate falls with the width,
as Yang et al. (2021) expect of Adam.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEAD = 32  # width of a head: 4 layers are then 128 wide, nanoGPT's setting for a CPU
RATE = 8e-3  # the best for one layer
DEEPEST = 64
SAMPLES = 30_000  # that one layer profits from


def settings(depth: int) -> Mapping[str, Any]:
    """Return the options that a depth stands for."""
    return {
        "layers": depth,
        "width": HEAD * depth,
        "heads": depth,
        "lr": RATE / depth,
        "schedule": "one-cycle",
    }


def budget(depth: int) -> int:
    """Return the samples to train on."""
    return SAMPLES * depth
