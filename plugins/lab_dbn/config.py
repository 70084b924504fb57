"""List the options of restricted Boltzmann machines and deep belief networks. Units: the clock
counts training examples seen, over all phases."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from lab import Config as BaseConfig
from lab import DataOptions, Options

SAMPLE_STEPS = 1_000  # Gibbs steps from random states to a sample


class Config(DataOptions, BaseConfig):
    clock: ClassVar[str] = "samples"

    layers: tuple[int, ...] = Field(
        (500, 500, 2000), description="Hidden units, from below; one layer is an RBM."
    )
    visible: Literal["auto", "bernoulli", "gaussian"] = Field(
        "auto", description="Visible units; auto is bernoulli for images, gaussian for tables."
    )
    label_units: bool = Field(
        False,
        description="Label units in the top RBM: sample by class, classify by free energy.",
    )
    sample_inputs: bool = Field(
        False, description="Sample a layer's inputs as bits, instead of intensities."
    )

    cd_k: int = Field(1, ge=1, description="Gibbs steps of contrastive divergence.")
    persistent: bool = Field(False, description="Chains go on from batch to batch (PCD).")
    sample_visible: bool = Field(True, description="Reconstruct bits, instead of probabilities.")
    lr: float = Field(0.05, gt=0, description="Learning rate of RBMs.")
    gaussian_lr: float = Field(
        0.002, gt=0, description="Learning rate of an RBM with gaussian units."
    )
    lr_schedule: Literal["constant", "linear"] = Field(
        "linear", description="Course of the rate in each layer's phase; linear falls to 0."
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum of RBMs.")
    initial_momentum: float = Field(
        0.5, ge=0, lt=1, description="Momentum in the first tenth of a layer's phase."
    )
    weight_decay: float = Field(2e-4, ge=0, description="Decay of an RBM's weights, not biases.")
    sparsity: float | None = Field(
        None, gt=0, lt=1, description="Target mean activity of hidden units, or none."
    )
    sparsity_cost: float = Field(0.1, ge=0, description="Weight of the sparsity target.")

    finetune: Literal["none", "up-down", "classify", "autoencode"] = Field(
        "none", description="What follows the greedy phases, with all layers at once."
    )
    pretrain: bool = Field(
        True, description="Greedy phases first; without, fine-tuning begins at random weights."
    )
    init: Literal["default", "glorot"] = Field(
        "default", description="Those random weights: PyTorch's, or Glorot's for sigmoid units."
    )
    finetune_lr: float | None = Field(
        None, gt=0, description="Its learning rate; none: 0.01 for up-down, else 0.001 (Adam)."
    )
    finetune_decay: float = Field(0.0, ge=0, description="Weight decay of backpropagation.")
    phase_fractions: tuple[float, ...] = Field(
        (),
        description="Relative length of the phases: each layer, then fine-tuning; by default "
        "layers alike, and as much again for fine-tuning.",
    )

    ais_temperatures: int = Field(
        500, ge=0, description="Temperatures of the likelihood's estimate; 0: none."
    )
    ais_chains: int = Field(64, ge=1, description="Chains of that estimate.")
    gibbs_steps: int = Field(200, ge=1, description="Gibbs steps before a sample is drawn.")

    @property
    def objective(self) -> tuple[str, str]:
        """The metric of fine-tuning; a generative model's likelihood, where it is estimated."""
        if self.finetune == "classify":
            return "eval/accuracy", "max"
        if self.finetune == "autoencode" or not self.ais_temperatures:
            return "eval/reconstruction", "min"
        return "eval/log_likelihood", "max"

    @property
    def budget(self) -> int:
        return 300_000

    @property
    def preset(self) -> str:
        return self.data

    @property
    def phases(self) -> int:
        """How many phases there are."""
        return len(self.layers) * self.pretrain + (self.finetune != "none")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not self.layers or any(units < 1 for units in self.layers):
            raise ValueError("--layers: name the units of one layer or more: 500,500,2000")
        if self.phase_fractions and len(self.phase_fractions) != self.phases:
            raise ValueError(
                f"--phase-fractions: {len(self.phase_fractions)} given, for {self.phases} phases"
            )
        if any(fraction <= 0 for fraction in self.phase_fractions):
            raise ValueError("--phase-fractions: each phase needs more than 0")
        if not self.pretrain and self.finetune not in ("classify", "autoencode"):
            raise ValueError("--no-pretrain leaves nothing to do but to classify or autoencode")
        if self.finetune == "up-down" and len(self.layers) < 2:
            raise ValueError("--finetune up-down needs two layers; one is an RBM, which CD trains")
        return self


class Sample(Options):
    """Options of `lab sample`."""

    n: int = Field(64, ge=1, le=10_000, description="How many samples.")
    class_: str | None = Field(None, description="Of this class alone; needs --label-units.")
    steps: int = Field(
        SAMPLE_STEPS, ge=1, description="Gibbs steps from random states to each sample."
    )
