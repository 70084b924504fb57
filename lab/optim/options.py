"""Name the options of an update, a mixin that a plugin's config inherits.

The same option then has one name, range and help text in every family. A plugin gives a field
another default by writing the field anew. Nothing heavy is imported.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from lab.optim.optimizers import OPTIMIZERS
from lab.optim.schedules import SCHEDULES
from lab.options import OneOf, Options


class OptimizerOptions(Options):
    """How weights are updated: what `make_optimizer`, `rate` and `Updater` read."""

    optimizer: Annotated[str, OneOf(OPTIMIZERS)] = Field("adamw", description="Optimizer.")
    lr: float = Field(1e-3, gt=0, description="Learning rate at its peak.")
    momentum: float | None = Field(
        None, ge=0, lt=1, description="Momentum; none: 0.9 for sgd, 0.95 for muon, 0 for rmsprop."
    )
    nesterov: bool = Field(False, description="Nesterov's momentum, with sgd.")
    weight_decay: float = Field(
        0.0, ge=0, description="Decay of weight matrices and filters, not of norms and biases."
    )
    schedule: Annotated[str, OneOf(SCHEDULES)] = Field(
        "constant", description="Course of the learning rate over the budget."
    )
    warmup_fraction: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Fraction of the budget over which the rate rises; none: 0.3 for one-cycle, "
        "0.04 for inverse-sqrt, 0 for the others.",
    )
    final_lr_ratio: float = Field(
        0.0, ge=0, le=1, description="Fraction of the peak rate that is left in the end."
    )
    clip_norm: float | None = Field(None, gt=0, description="Gradient-norm clip, or none.")
    grad_accum_steps: int = Field(1, ge=1, description="Parts that a batch is computed in.")
    ema: float | None = Field(
        None, ge=0, lt=1, description="Decay of the averaged weights that evaluate, or none."
    )

    @model_validator(mode="after")
    def _nesterov_has_momentum(self) -> Self:
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise ValueError("--nesterov needs --optimizer sgd with a --momentum above 0")
        return self

    @model_validator(mode="after")
    def _a_root_begins_somewhere(self) -> Self:
        if self.schedule == "inverse-sqrt" and self.warmup_fraction == 0:
            raise ValueError(
                "--schedule inverse-sqrt falls from the end of its warm-up: it needs one"
            )
        return self
