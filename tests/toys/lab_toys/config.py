"""Hold the options of the toys: light, so that help costs no torch."""

from __future__ import annotations

from typing import ClassVar

import lab


class GAN(lab.Config):
    n_critic: int = 3
    batch_size: int = 32
    objective: ClassVar = ("eval/distance", "min")
    target: ClassVar = "gaussian"
    budget: ClassVar = 20_000


class DBN(lab.Config):
    updates: int = 60  # in each phase
    objective: ClassVar = ("eval/error", "min")
    target: ClassVar = "patterns"
    budget: ClassVar = 20_000


class Epochs(lab.Config):
    batch_size: int = 48
    lr: float = 0.05
    objective: ClassVar = ("eval/accuracy", "max")
    target: ClassVar = "rings"
    budget: ClassVar = 30_000
