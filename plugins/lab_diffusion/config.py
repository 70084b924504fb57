"""List the options of diffusion and flow models. Units: the clock counts training examples."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from lab import Config as BaseConfig
from lab import DataOptions
from lab.capabilities import Draw
from lab.optim import OptimizerOptions

ARCHITECTURES = {"image": "unet", "table": "mlp", "sequence": "transformer"}
OWN = {  # options of one method
    "ddpm": ("noise_schedule", "prediction", "timesteps", "eta"),
    "flow": ("solver",),
}


class Config(DataOptions, OptimizerOptions, BaseConfig):
    clock: ClassVar[str] = "samples"

    method: Literal["ddpm", "flow"] = Field(
        "ddpm",
        description="Denoise in steps of noise, or follow straight lines from noise to data.",
    )
    noise_schedule: Literal["linear", "cosine"] = Field(
        "cosine", description="How noise grows over the steps (ddpm)."
    )
    timesteps: int = Field(1_000, ge=2, le=100_000, description="Steps of noise (ddpm).")
    prediction: Literal["epsilon", "v"] = Field(
        "v", description="What the network answers: the noise, or a turn of noise and data (ddpm)."
    )

    arch: Literal["auto", "mlp", "unet", "transformer"] = Field(
        "auto", description="Network; auto: unet for images, transformer for sequences, else mlp."
    )
    hidden: tuple[int, ...] = Field((128, 128, 128), description="Units of the layers (mlp).")
    frequencies: int | None = Field(
        None,
        ge=0,
        le=16,
        description="Sines and cosines of each input, of doubling frequency (mlp); none: 6 for "
        "points and tables, else 0.",
    )
    width: int = Field(
        32, ge=2, description="Channels of the largest level (unet), or of each step (transformer)."
    )
    blocks: int = Field(
        2, ge=1, description="Residual blocks of each level (unet), or blocks (transformer)."
    )
    patch: int = Field(
        1, ge=1, description="Side in pixels of what is one place of the largest level (unet)."
    )
    heads: int = Field(4, ge=1, description="Heads of attention (transformer).")

    conditional: bool = Field(False, description="Generate by class.")
    label_dropout: float = Field(
        0.1, ge=0, lt=1, description="Fraction of examples whose class is withheld, for guidance."
    )

    steps: int = Field(50, ge=1, le=100_000, description="Steps from noise to a sample.")
    guidance: float = Field(
        1.0,
        ge=0,
        description="How strongly samples are of their class: 1 as learned, 0 not at all.",
    )
    eta: float = Field(
        0.0, ge=0, le=1, description="Fresh noise of each step: 0 is DDIM, 1 the chain of DDPM."
    )
    solver: Literal["euler", "heun"] = Field(
        "euler", description="Solver of a flow; heun asks the network twice a step."
    )

    ema: float | None = Field(
        0.999, ge=0, lt=1, description="Decay of the averaged weights that sample, or none."
    )
    eval_samples: int = Field(1_000, ge=6, description="Samples that an evaluation measures.")

    def architecture(self, kind: str) -> str:
        """Return the network that examples of a kind get."""
        return ARCHITECTURES[kind] if self.arch == "auto" else self.arch

    @property
    def objective(self) -> tuple[str, str]:
        return "eval/distance", "min"

    @property
    def budget(self) -> int:
        return 500_000

    @property
    def preset(self) -> str | None:
        """Presets are tuned for the network that a source gets by itself."""
        return self.data if self.arch == "auto" else None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.hidden or any(units < 1 for units in self.hidden):
            raise ValueError("--hidden: one layer or more, each of one unit or more")
        other = "flow" if self.method == "ddpm" else "ddpm"
        for name in OWN[other]:
            if self.is_set(name):
                raise ValueError(f"--{name.replace('_', '-')} is for --method {other}")
        for name in ("label_dropout", "guidance"):
            if self.is_set(name) and not self.conditional:
                raise ValueError(f"--{name.replace('_', '-')} is for classes: --conditional")
        if self.guidance != 1 and not self.label_dropout:
            raise ValueError(
                "--guidance leads away from samples of no class, which are learned with a "
                "--label-dropout above 0"
            )
        if self.method == "ddpm":
            check_steps(self.steps, self.timesteps)
        return self

    def is_set(self, name: str) -> bool:
        """Tell whether an option is not its default."""
        return bool(getattr(self, name) != type(self).model_fields[name].default)


def check_steps(steps: int, timesteps: int) -> None:
    """Raise ValueError for more steps than there are steps of noise."""
    if steps > timesteps:
        raise ValueError(f"--steps {steps} are more than the {timesteps} --timesteps of noise")


class Sample(Draw):
    """Options of `lab sample`. What is not said is the run's."""

    steps: int | None = Field(
        None, ge=1, le=100_000, description="Steps from noise to a sample.", examples=[2]
    )
    guidance: float | None = Field(
        None, ge=0, description="How strongly samples are of their class."
    )
    eta: float | None = Field(None, ge=0, le=1, description="Fresh noise of each step (ddpm).")
    solver: Literal["euler", "heun"] | None = Field(None, description="Solver of a flow.")
    denoising: bool = Field(False, description="Each row shows how a sample comes out of noise.")

    @model_validator(mode="after")
    def _is_one_picture(self) -> Self:
        if self.interpolate and self.denoising:
            raise ValueError("--interpolate and --denoising exclude each other")
        return self
