"""List the options of encoder-decoders. Units: the clock counts training examples seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

import lab
from lab.data.options import Source
from lab.optim import OptimizerOptions
from lab.sequence.choices import ALIGNMENTS, POSITIONS, SCANS
from lab.supervised.translation_config import OBJECTIVE, TranslationOptions

Kind = Literal["rnn", "lstm", "gru", "transformer"]
OF_TRANSFORMERS = ("heads", "positions")


class Config(TranslationOptions, OptimizerOptions, lab.Config):
    clock: ClassVar[str] = "samples"

    data: Source = Field("reverse", description="Source: NAME or NAME:ARGUMENT; `lab data` lists.")
    encoder: Kind = Field("gru", description="What reads the source.")
    decoder: Kind = Field("gru", description="What writes the target.")
    context: Literal["attention", "vector"] = Field(
        "attention",
        description="What the decoder knows of the source: every step, or one vector of it all.",
    )
    alignment: Annotated[str, lab.OneOf(ALIGNMENTS)] = Field(
        "general", description="How a recurrent decoder scores the steps that it attends to."
    )
    bidirectional: bool = Field(
        True, description="A recurrent encoder reads both ways, each with half of the units."
    )
    hidden_size: int = Field(128, ge=2, description="Width of embeddings, layers and states.")
    layers: int = Field(1, ge=1, description="Layers of the encoder, and of the decoder.")
    heads: int = Field(4, ge=1, description="Heads of a Transformer's attention.")
    positions: Annotated[str, lab.OneOf(POSITIONS)] = Field(
        "sinusoidal", description="How a Transformer knows where its steps stand."
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="Probability of dropping a unit.")
    scan: Annotated[str, lab.OneOf(SCANS)] = Field(
        "grid",
        description="What of a picture is one step; grid: a cell behind convolutions.",
    )

    teacher_forcing: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Fraction of true tokens that the decoder reads in training; the others it "
        "draws itself (scheduled sampling).",
    )
    teacher_forcing_schedule: Literal["constant", "linear", "sigmoid"] = Field(
        "constant", description="How that fraction is reached from 1 over the budget."
    )
    plots: bool = Field(True, description="Draw attention in the end, if media are on.")

    @property
    def objective(self) -> Mapping[str, tuple[str, str]]:
        return {"translate": OBJECTIVE}

    @property
    def budget(self) -> int:
        return 100_000

    @property
    def preset(self) -> str | None:
        transformer = "-transformer" if self.encoder == self.decoder == "transformer" else ""
        return f"{self.data}{transformer}"

    @property
    def kinds(self) -> tuple[Kind, Kind]:
        return self.encoder, self.decoder

    @property
    def target(self) -> str:
        return f"{self.encoder}-{self.decoder}-{self.data_name}"

    @model_validator(mode="after")
    def _is_one_network(self) -> Self:
        if "transformer" in self.kinds and self.hidden_size % (2 * self.heads):
            raise ValueError(
                f"--hidden-size {self.hidden_size} is no multiple of twice the {self.heads} --heads"
            )
        if "transformer" not in self.kinds:
            self._refuse(OF_TRANSFORMERS, "is of Transformers")
        if self.encoder == "transformer":
            self._refuse(("bidirectional",), "is of recurrent encoders")
        elif self.bidirectional and self.hidden_size % 2:
            raise ValueError("--bidirectional gives each way half of --hidden-size: make it even")
        if self.decoder == "transformer" or self.context == "vector":
            self._refuse(("alignment",), "is of recurrent decoders that attend")
        if self.teacher_forcing == 1:
            self._refuse(("teacher_forcing_schedule",), "needs a --teacher-forcing below 1")
        return self

    def _refuse(self, names: tuple[str, ...], why: str) -> None:
        """Raise ValueError where an option is set that would do nothing."""
        for name in names:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"--{name.replace('_', '-')} {why}")
