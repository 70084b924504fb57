"""List the options of a supervised experiment, the same in every family."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from lab.config import Config
from lab.data.options import AugmentOptions, DataOptions
from lab.errors import UsageError
from lab.kit.options import ClassifierOptions, OptimizerOptions

OBJECTIVES = {
    "classify": ("eval/accuracy", "max"),
    "regress": ("eval/r2", "max"),
    "segment": ("eval/miou", "max"),
}


def objective_of(config: DataOptions) -> tuple[str, str]:
    """Return what selects, by what is learnt. Raises UsageError where there is nothing to learn."""
    if config.learns not in OBJECTIVES:
        raise UsageError(f"{config.data} has nothing to predict: no classes and no values")
    return OBJECTIVES[config.learns]


class SupervisedConfig(DataOptions, AugmentOptions, OptimizerOptions, ClassifierOptions, Config):
    """Data, augmentation, optimiser and loss. Families that inherit this share split, clock,
    metrics and objective, so that their runs on one source stand in one table."""

    clock: ClassVar[str] = "samples"

    layer_stats: bool = Field(
        False, description="Log gradients and activations by layer at each evaluation."
    )

    @property
    def objective(self) -> tuple[str, str]:
        return objective_of(self)

    @property
    def budget(self) -> int:
        return 60_000
