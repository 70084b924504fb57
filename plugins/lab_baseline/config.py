"""List the options of the methods. Units: the clock counts training examples seen, each once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from lab import Config as LabConfig
from lab import DataOptions, TextOptions
from lab.supervised.config import OBJECTIVES


@dataclass(frozen=True)
class Method:
    """What a method learns, and by which of the options."""

    tasks: tuple[str, ...]
    options: tuple[str, ...]


METHODS: Mapping[str, Method] = {
    "knn": Method(("classify", "regress"), ("neighbors", "weights")),
    "svc": Method(("classify",), ("c", "kernel", "gamma")),
    "logistic": Method(("classify",), ("c", "iterations")),
    "forest": Method(("classify", "regress"), ("trees", "depth")),
    "boosting": Method(("classify", "regress"), ("trees", "depth")),
    "ridge": Method(("regress",), ("alpha",)),
    "svr": Method(("regress",), ("c", "kernel", "gamma", "epsilon")),
}


class Config(TextOptions, DataOptions, LabConfig):
    clock: ClassVar[str] = "samples"

    algo: Literal["knn", "svc", "logistic", "forest", "boosting", "ridge", "svr"] = Field(
        "knn",
        description="Nearest neighbors, support vectors (svc: classes, svr: values), logistic "
        "regression, random forest, gradient boosting (of histograms), ridge regression.",
    )
    neighbors: int = Field(5, ge=1, description="knn: number of nearest training examples.")
    weights: Literal["uniform", "distance"] = Field(
        "uniform", description="knn: whether nearer ones count for more."
    )
    c: float = Field(1.0, gt=0, description="svc, svr, logistic: inverse of the regularization.")
    kernel: Literal["rbf", "linear", "poly"] = Field("rbf", description="svc, svr: kernel.")
    gamma: float | None = Field(
        None, gt=0, description="svc, svr: factor in the kernel; none: 1 / (columns * variance)."
    )
    epsilon: float = Field(
        0.1,
        ge=0,
        description="svr: error without loss, in standard deviations of the targets.",
    )
    iterations: int = Field(1_000, ge=1, description="logistic: largest number of iterations.")
    alpha: float = Field(1.0, ge=0, description="ridge: strength of the regularization.")
    trees: int = Field(100, ge=1, description="forest, boosting: number of trees.")
    depth: int | None = Field(
        None, ge=1, description="forest, boosting: largest depth of a tree, or none."
    )

    @property
    def target(self) -> str:
        return f"{self.algo}-{self.data_name}"

    @property
    def gives_probabilities(self) -> bool:
        """Whether there are probabilities of classes: an SVC has none."""
        return self.algo != "svc"

    @property
    def objective(self) -> Mapping[str, tuple[str, str]]:
        return OBJECTIVES

    @property
    def budget(self) -> int:
        return 60_000

    @model_validator(mode="after")
    def _method_has_the_options(self) -> Self:
        for name in sorted({option for method in METHODS.values() for option in method.options}):
            is_set = getattr(self, name) != type(self).model_fields[name].default
            if is_set and name not in METHODS[self.algo].options:
                able = ", ".join(algo for algo, method in METHODS.items() if name in method.options)
                raise ValueError(f"--algo {self.algo} has no --{name}; it belongs to {able}")
        return self
