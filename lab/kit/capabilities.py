"""List the options of what supervised networks offer beyond training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from lab.config import Options


class Predict(Options):
    """What `lab predict` asks."""

    inputs: tuple[str, ...] = Field((), description="Image files, or rows of numbers: 5.1,3.5,1.4")
    top: int = Field(3, ge=1, description="How many classes to name, the likeliest first.")


class Export(Options):
    """What `lab export` asks."""

    to: Literal["safetensors", "torchexport", "onnx"] = Field(
        "safetensors", description="Weights alone, torch.export's program, or ONNX."
    )
    out: Path | None = Field(None, description="File to write; in the run folder by default.")
