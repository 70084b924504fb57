"""Define the options of what networks offer beyond training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lab.errors import UsageError
from lab.messages import flag
from lab.option_text import REPEATED
from lab.options import Options


class Predict(Options):
    """Options of `lab predict`."""

    inputs: tuple[str, ...] = Field((), description="Rows, csv files, - or images, as INPUT.")
    top: int = Field(3, ge=1, description="How many classes to name, the likeliest first.")


class Translate(Options):
    """Options of `lab predict` for models that write sentences. What is not said is the run's."""

    inputs: tuple[str, ...] = Field((), description="Texts, - or images, as INPUT.")
    beam: int | None = Field(None, ge=1, description="Width of the beam; 1 is greedy.")
    length_penalty: float | None = Field(
        None, ge=0, description="Exponent by which a beam prefers what is longer."
    )
    max_tokens: int | None = Field(None, ge=1, description="Tokens written at most.")


class PredictAny(Predict, Translate):
    """Options of `lab predict` for a family whose answers are labels or sentences, by its task."""

    inputs: tuple[str, ...] = Field(
        (), description="Rows, csv files, texts, - or images, as INPUT."
    )

    def check_are_of(self, kind: type[Options], answers: str) -> None:
        """Raise UsageError for an option that was set and that `kind` does not have."""
        for name in sorted(self.model_fields_set - set(kind.model_fields)):
            raise UsageError(f"{flag(name)} is not for a run that answers by {answers}")


class Export(Options):
    """Options of `lab export`."""

    to: Literal["onnx", "torchexport", "safetensors"] = Field(
        "onnx",
        description="ONNX, torch.export's program, or the network's weights alone.",
        examples=["safetensors"],  # what checks of a plugin write: it needs no further library
    )
    out: Path | None = Field(None, description="File to write; in the run folder by default.")


class Draw(Options):
    """Options of `lab sample` for whatever makes examples out of noise."""

    n: int = Field(64, ge=1, le=10_000, description="How many samples.")
    class_: str | None = Field(None, description="Of this class alone, by a conditional network.")
    interpolate: bool = Field(
        False, description="Each row interpolates in eight steps between two samples."
    )


class Sample(Draw):
    """Options of `lab sample` for models that decode latents."""

    traverse: bool = Field(
        False, description="Each row varies one dimension of a latent, and keeps the others."
    )

    @model_validator(mode="after")
    def _is_one_picture(self) -> Self:
        if self.interpolate and self.traverse:
            raise ValueError("--interpolate and --traverse exclude each other")
        return self


class Write(Options):
    """Options of `lab sample` for models of language."""

    prompt: Annotated[tuple[str, ...], REPEATED] = Field(
        (), description="Text to go on from; may be given again, for several."
    )
    max_tokens: int = Field(
        256, ge=1, le=100_000, description="Most tokens to write.", examples=[8]
    )
    temperature: float = Field(
        1.0, ge=0, description="Below 1 likely tokens come more often; 0 takes the likeliest."
    )
    top_k: int | None = Field(None, ge=1, description="Only the k likeliest tokens.")
    top_p: float | None = Field(
        None, gt=0, le=1, description="Only the likeliest tokens that reach p together."
    )
    beam: int | None = Field(
        None, ge=1, le=1_000, description="Search for the likeliest text, this many at a time."
    )
    stop: Annotated[tuple[str, ...], REPEATED] = Field(
        (), description="Text that ends the writing; may be given again."
    )
    n: int = Field(1, ge=1, le=10_000, description="How many texts to write from each prompt.")

    @model_validator(mode="after")
    def _searches_or_draws(self) -> Self:
        drawn = [
            name for name in ("temperature", "top_k", "top_p") if name in self.model_fields_set
        ]
        if self.beam is not None and drawn:
            raise ValueError(f"--beam draws nothing: it has no {flag(drawn[0])}")
        if self.beam is not None and self.n > self.beam:
            raise ValueError(f"--beam {self.beam} finds no more than {self.beam} texts; -n is more")
        return self
