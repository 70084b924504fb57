"""List the options of feed-forward networks. Units: the clock counts training examples seen."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import Literal, Self

from pydantic import Field, model_validator

from lab.data.options import TextOptions, preset_of_texts
from lab.nn import LayerOptions
from lab.optim import OptimizerOptions
from lab.supervised.config import SupervisedConfig
from lab.supervised.options import OwnNetworkOptions

TABLES = ("csv", "parquet")  # sources of a person's own tables
LAYERS = ("hidden", "activation", "init", "dropout", "norm", "embedding_dim")
PERCEPTRON_LACKS = (
    *LAYERS,
    *(name for name in OptimizerOptions.model_fields if name != "lr"),
    "label_smoothing",
    "class_weights",
    "loss",
)


class Config(OwnNetworkOptions, LayerOptions, TextOptions, SupervisedConfig):
    arch: Literal["mlp", "perceptron"] = Field(
        "mlp", description="Layers trained by backpropagation, or Rosenblatt's threshold units."
    )
    hidden: tuple[int, ...] = Field((256, 256), description="Units of the hidden layers.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Probability of dropping a hidden unit.")
    norm: bool = Field(False, description="BatchNorm after each hidden layer.")
    embedding_dim: int | None = Field(
        None,
        ge=1,
        description="Dimensions, at most, of a learned vector for each category of a table's "
        "column; none: one-hot. Of a text's words: 64, unless said.",
    )
    boundary: bool = Field(True, description="Draw the decision boundary of data with two columns.")

    @property
    def preset(self) -> str | None:
        if self.task == "segment":
            return None  # no preset is for what these networks cannot learn
        if self.arch == "perceptron":
            return self.arch
        if self.data.partition(":")[0] in TABLES:
            return "table"
        if self.model:
            return None  # the others have layers, which a network of one's own brings along
        return preset_of_texts(self) or self.data

    @property
    def target(self) -> str:
        return f"{self.network_name}-{self.data_name}" if self.model else self.data_name

    @model_validator(mode="after")
    def _is_one_network(self) -> Self:
        if any(units < 1 for units in self.hidden):
            raise ValueError("--hidden: a layer has one unit or more")
        if self.arch == "perceptron" and self.model:
            raise ValueError("--arch perceptron and --model exclude each other")
        if self.arch == "perceptron":
            self._refuse(PERCEPTRON_LACKS, "--arch perceptron has no")
        if self.model:
            self._refuse(LAYERS, "--model builds the network by itself, without")
        part = ceil(self.batch_size / self.grad_accum_steps)
        if self.norm and min(part, self.batch_size % part or part) < 2:
            raise ValueError("--norm needs two examples or more in each part of a batch")
        if self.embedding_dim and self.augment.get("mixup"):
            raise ValueError("--embedding-dim takes categories, which --augment mixup mixes")
        if self.arch == "perceptron" and self.augment.get("mixup"):
            raise ValueError(
                "--augment mixup mixes classes, which threshold units cannot learn from"
            )
        return self

    def _refuse(self, names: Iterable[str], because: str) -> None:
        """Raise ValueError where an option is set that would do nothing."""
        for name in names:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{because} --{name.replace('_', '-')}")
