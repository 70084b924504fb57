"""Define the options of what networks offer beyond training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from lab.config import Options


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


class Export(Options):
    """Options of `lab export`."""

    to: Literal["onnx", "torchexport", "safetensors"] = Field(
        "onnx",
        description="ONNX, torch.export's program, or the network's weights alone.",
        examples=["safetensors"],  # what checks of a plugin write: it needs no further library
    )
    out: Path | None = Field(None, description="File to write; in the run folder by default.")


class Sample(Options):
    """Options of `lab sample` for models that decode latents."""

    n: int = Field(64, ge=1, le=10_000, description="How many samples.")
    class_: str | None = Field(None, description="Of this class alone, by a conditional network.")
    interpolate: bool = Field(
        False, description="Each row interpolates in eight steps between two samples."
    )
    traverse: bool = Field(
        False, description="Each row varies one dimension of a latent, and keeps the others."
    )

    @model_validator(mode="after")
    def _is_one_picture(self) -> Self:
        if self.interpolate and self.traverse:
            raise ValueError("--interpolate and --traverse exclude each other")
        return self
