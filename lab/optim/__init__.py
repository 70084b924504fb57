"""Update weights: optimizers, schedules, clipping, accumulation, averaged weights.

Names load what they need when first used, so that the options stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "OPTIMIZERS": "lab.optim.optimizers",
    "SCHEDULES": "lab.optim.schedules",
    "EMA": "lab.optim.ema",
    "OptimizerOptions": "lab.optim.options",
    "Updater": "lab.optim.updater",
    "make_optimizer": "lab.optim.optimizers",
    "rate": "lab.optim.schedules",
    "set_rate": "lab.optim.schedules",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.optim.ema import EMA as EMA
    from lab.optim.optimizers import OPTIMIZERS as OPTIMIZERS
    from lab.optim.optimizers import make_optimizer as make_optimizer
    from lab.optim.options import OptimizerOptions as OptimizerOptions
    from lab.optim.schedules import SCHEDULES as SCHEDULES
    from lab.optim.schedules import rate as rate
    from lab.optim.schedules import set_rate as set_rate
    from lab.optim.updater import Updater as Updater

__getattr__, __dir__ = attach(__name__, _HOME)
