"""List the options of recurrent networks. Units: the clock counts training examples seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lab import OneOf, capabilities
from lab.data.options import preset_of_texts
from lab.sequence.cells import CELLS
from lab.supervised.config import OBJECTIVES, SupervisedConfig
from lab.supervised.language_config import LanguageOptions
from lab.supervised.translation_config import OBJECTIVE, TranslationOptions

SIMPLE = ("rnn", "rnn-relu")


class Predict(capabilities.Predict, capabilities.Translate):
    """Options of `lab predict`: of classes how many, of sentences how they are searched for."""

    inputs: tuple[str, ...] = Field(
        (), description="Sequences as numbers, csv, npy or WAV files, texts, or images, as INPUT."
    )


class Config(SupervisedConfig, TranslationOptions, LanguageOptions):
    cell: Annotated[str, OneOf(CELLS)] = Field(
        "lstm", description="Elman's unit (tanh or rectified), LSTM or gated recurrent unit."
    )
    layers: int = Field(1, ge=1, description="Recurrent layers.")
    hidden_size: int = Field(128, ge=1, description="Units of a layer, in each direction.")
    bidirectional: bool = Field(False, description="Read backwards too, by units of their own.")
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Probability of dropping a unit between layers, and before what answers.",
    )
    forget_bias: float | None = Field(
        1.0, ge=-10, le=10, description="Bias of an LSTM's forget gate at the start; none: about 0."
    )
    chrono: int | None = Field(
        None,
        ge=2,
        description="Steps to remember over: gates of an LSTM or GRU begin with times up to that.",
    )
    gate_steepness: float = Field(
        1.0, gt=0, description="Factor of what goes into the gates, which nears them to switches."
    )
    identity_init: bool = Field(
        False, description="Begin with the identity as recurrent weights; of simple cells."
    )
    fused: bool = Field(
        True, description="Compute by torch's kernels, but for --compile; else step by step."
    )
    embedding_dim: int = Field(64, ge=1, description="Numbers that a token or a frame becomes.")
    scan: Literal["rows", "pixels"] = Field("rows", description="How a picture is read.")

    context: int = Field(
        48,
        ge=2,
        description="Steps of the past that a forecast reads; tokens of a text that errors flow "
        "back through.",
    )
    horizon: int = Field(12, ge=1, description="Forecasts: steps that are forecast at once.")
    period: int = Field(
        1, ge=1, description="Forecasts: steps of a season, which is repeated to compare with."
    )

    clip_norm: float | None = Field(1.0, gt=0, description="Gradient-norm clip, or none.")
    plots: bool = Field(
        True, description="Draw gradients through time and hidden units, if media are on."
    )

    @property
    def objective(self) -> Mapping[str, tuple[str, str]]:
        others = {"translate": OBJECTIVE, "lm": self.language_objective}
        return {**OBJECTIVES, "forecast": ("eval/mase", "min"), **others}

    @property
    def target(self) -> str:
        return f"{self.cell}-{self.data_name}"

    @property
    def preset(self) -> str | None:
        if self.scan == "pixels":
            return f"{self.data}-pixels"
        return preset_of_texts(self) or self.data

    @model_validator(mode="after")
    def _cell_has_the_options(self) -> Self:
        simple = self.cell in SIMPLE
        if self.identity_init and not simple:
            raise ValueError(
                f"--identity-init is for {' and '.join(SIMPLE)}; {self.cell} has gates"
            )
        if self.gate_steepness != 1 and simple:
            raise ValueError(f"--gate-steepness: {self.cell} has no gates")
        if self.chrono is not None and simple:
            raise ValueError(f"--chrono: {self.cell} has no gate that keeps a state")
        if self.period > self.context:
            raise ValueError("--period: a season is read in --context steps, which are fewer")
        return self
