"""List the options of capsule networks. Units: the clock counts training examples seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from lab import Options
from lab.supervised.config import OBJECTIVES, SupervisedConfig


class Config(SupervisedConfig):
    channels: int = Field(32, ge=1, description="Channels of the first convolution.")
    kernel: int = Field(9, ge=1, description="Side of its windows, in pixels.")
    capsule_types: int = Field(
        8, ge=1, description="Primary capsules at each position, each of channels of its own."
    )
    capsule_dim: int = Field(8, ge=1, description="Dimensions of a primary capsule.")
    primary_kernel: int = Field(9, ge=1, description="Side of the windows of primary capsules.")
    primary_stride: int = Field(2, ge=1, description="Pixels from one window to the next.")
    class_dim: int = Field(16, ge=1, description="Dimensions of the capsule of a class.")
    routings: int = Field(
        3, ge=1, description="Rounds of routing; 1 gives every class the same of each capsule."
    )
    detach_routing: bool = Field(
        False, description="No gradient through what chooses the coefficients of routing."
    )
    init_scale: float = Field(
        1.0, gt=0, description="Factor of the initial weights between capsules."
    )
    decoder: tuple[int, ...] = Field(
        (512, 1024), description="Units of the hidden layers that reconstruct the picture."
    )
    reconstruction: float = Field(
        0.0005,
        ge=0,
        description="Weight of the squared error of a reconstruction; 0: there is no decoder.",
    )
    plots: bool = Field(
        True,
        description="Draw reconstructions, changed capsules and routing in the end, if media are "
        "on.",
    )

    @property
    def objective(self) -> Mapping[str, tuple[str, str]]:
        return {"classify": OBJECTIVES["classify"]}

    @property
    def preset(self) -> str | None:
        return self.data

    @model_validator(mode="after")
    def _is_one_network(self) -> Self:
        if any(units < 1 for units in self.decoder):
            raise ValueError("--decoder: a layer has one unit or more")
        if self.label_smoothing:
            raise ValueError("--label-smoothing is for cross-entropy; capsules have a margin loss")
        if self.class_weights != "none":
            raise ValueError("--class-weights is for cross-entropy; capsules have a margin loss")
        return self


class Sample(Options):
    """Options of `lab sample`: pictures that the decoder makes of capsules."""

    n: int = Field(64, ge=1, le=10_000, description="How many samples.")
    class_: str | None = Field(None, description="Of this class alone.")
    perturb: bool = Field(
        False,
        description="Each row varies one dimension of the capsule of a test picture by up to a "
        "quarter, and keeps the others.",
    )

    @model_validator(mode="after")
    def _is_one_picture(self) -> Self:
        if self.perturb and "n" in self.model_fields_set:
            raise ValueError("--perturb draws one picture: it has no --n")
        return self
