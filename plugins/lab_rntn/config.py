"""List the options of recursive networks. Units: the clock counts training trees seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

import lab
from lab.data.options import Source
from lab.optim import OptimizerOptions
from lab.supervised.options import LabelOptions

REFERENCE = "tensor"  # the cell whose width `--dim` is


class Predict(lab.Options):
    """Options of `lab predict`."""

    inputs: tuple[str, ...] = Field(
        (), description="Texts, trees in brackets, or - for lines of either, as INPUT."
    )
    search: Literal["greedy", "chart"] | None = Field(
        None, description="How the tree of a text is found; none: as the run does."
    )


class Config(lab.DataOptions, OptimizerOptions, LabelOptions, lab.Config):
    clock: ClassVar[str] = "samples"

    data: Source = Field(
        "sentiment-trees", description="Source: NAME or NAME:ARGUMENT; `lab data` lists them."
    )
    cell: Literal["tensor", "plain", "matrix-vector", "tree-lstm"] = Field(
        "tensor", description="How two nodes become their parent."
    )
    dim: int = Field(
        25,
        ge=1,
        le=512,
        description="Numbers of a node's vector by --cell tensor; other cells are as wide as gives "
        "as many parameters.",
    )
    search: Literal["greedy", "chart"] = Field(
        "chart",
        description="How trees are found, in training too: the best pair first, or by a chart.",
    )
    margin: float = Field(
        1.0, ge=0, description="By how much each wrong span should cost a tree its score."
    )
    optimizer: Literal["sgd", "rmsprop", "adagrad", "adam", "adamw", "muon"] = Field(
        "adagrad", description="Optimizer."
    )
    lr: float = Field(0.05, gt=0, description="Learning rate at its peak.")
    batch_size: int = Field(32, ge=1, description="Trees in a minibatch.")
    plots: bool = Field(True, description="Draw trees in the end, if media are on.")

    @property
    def objective(self) -> Mapping[str, tuple[str, str]]:
        return {"classify": ("eval/accuracy", "max"), "parse": ("eval/f1", "max")}

    @property
    def target(self) -> str:
        return f"{self.cell}-{self.data_name}"

    @property
    def budget(self) -> int:
        return 60_000

    @property
    def preset(self) -> str | None:
        name = self.data.partition(":")[0]
        return name if self.task == "auto" else f"{name}-{self.task}"
