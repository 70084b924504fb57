"""List the options of feed-forward networks. Units: the clock counts training examples seen."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from lab.kit import LayerOptions
from lab.kit.supervised_config import SupervisedConfig


class Config(LayerOptions, SupervisedConfig):
    arch: Literal["mlp", "perceptron"] = Field(
        "mlp", description="Layers trained by backpropagation, or Rosenblatt's threshold units."
    )
    hidden: tuple[int, ...] = Field((256, 256), description="Units of the hidden layers.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of hidden units left out.")
    norm: bool = Field(False, description="BatchNorm after each hidden layer.")
    model: str | None = Field(None, description="A network of your own: FILE.py:Net.")
    boundary: bool = Field(True, description="Draw the decision boundary of data with two columns.")

    @property
    def preset(self) -> str:
        return self.arch if self.arch == "perceptron" else self.data

    @model_validator(mode="after")
    def _is_one_network(self) -> Self:
        if any(units < 1 for units in self.hidden):
            raise ValueError("--hidden: a layer has one unit or more")
        if self.arch == "perceptron" and self.model:
            raise ValueError("--arch perceptron and --model exclude each other")
        if self.arch == "perceptron" and self.augment.get("mixup"):
            raise ValueError(
                "--augment mixup mixes classes, which threshold units cannot learn from"
            )
        return self
