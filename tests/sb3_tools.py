"""Experiments of stable-baselines3 that nobody runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from lab.compute.device import Compute
from lab.engine.context import Context
from lab.plugins import discover
from lab_sb3.config import Config
from lab_sb3.sb3 import SB3


def make_sb3(budget: int = 384, warn: Callable[[str], None] = print, **options: Any) -> SB3:
    """Return an experiment with its options, outside of any run."""
    ctx = Context(
        seed=0,
        budget=budget,
        warn=warn,
        dir=Path("nowhere"),
        compute=Compute(torch.device("cpu")),
        environments=discover().environments(),
    )
    return SB3(Config(**options), ctx)


def learn(sb3: SB3, steps: int) -> SB3:
    """Train it for so many env steps."""
    while sb3.ctx.clock < steps:
        sb3.ctx.clock += sb3.step()
    return sb3
