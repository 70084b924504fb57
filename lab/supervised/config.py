"""List the options of a supervised experiment, the same in every family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from lab.config import Config, Objective
from lab.data.options import AugmentOptions, DataOptions
from lab.optim.options import OptimizerOptions
from lab.options import OneOf
from lab.supervised.options import ClassifierOptions

REGRESSION_LOSSES: Mapping[str, str] = {  # classes of `lab.nn.Loss` by reference
    "mse": "lab.nn.losses:MSE",
    "huber": "lab.nn.losses:Huber",
}
OBJECTIVES: Mapping[str, Objective] = {  # what selects, by what is learned
    "classify": ("eval/accuracy", "max"),
    "regress": ("eval/r2", "max"),
    "segment": ("eval/miou", "max"),
}


class SupervisedConfig(DataOptions, AugmentOptions, OptimizerOptions, ClassifierOptions, Config):
    """Data, augmentation, optimizer and loss. Families that inherit this share split, clock,
    metrics and objective, so that their runs on one source compare in one table."""

    clock: ClassVar[str] = "samples"

    loss: Annotated[str, OneOf(REGRESSION_LOSSES)] = Field(
        "mse", description="Loss of values to predict; classes have cross-entropy."
    )
    layer_stats: bool = Field(
        False, description="Log gradients and activations by layer at each evaluation."
    )

    @property
    def objective(self) -> Mapping[str, Objective]:
        return OBJECTIVES

    @property
    def budget(self) -> int:
        return 60_000
