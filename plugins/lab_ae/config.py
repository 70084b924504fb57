"""List the options of autoencoders. Units: the clock counts training examples."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from lab import Config as BaseConfig
from lab import DataOptions
from lab.capabilities import Export as ExportOptions
from lab.nn import LayerOptions
from lab.optim import OptimizerOptions

VAE_ALONE = (
    "beta", "kl_warmup_fraction", "sigma", "learn_sigma", "binarize", "conditional", "iwae"
)  # fmt: skip
VQ_ALONE = ("tokens", "entries", "commitment", "codebook", "codebook_decay", "restart")
AE_ALONE = (
    "code_activation", "noise", "noise_level", "contractive", "sparsity", "sparsity_cost", "l1"
)  # fmt: skip
FOREIGN = {
    "ae": (*VAE_ALONE, *VQ_ALONE),
    "vae": (*AE_ALONE, *VQ_ALONE, "tied"),
    "vq": (*AE_ALONE, *VAE_ALONE),
}
NORMAL = 1.0  # default standard deviation of gaussian outputs


class Config(LayerOptions, OptimizerOptions, DataOptions, BaseConfig):
    clock: ClassVar[str] = "samples"

    kind: Literal["ae", "vae", "vq"] = Field(
        "ae",
        description="What a code is: a vector, a normal distribution, or entries of a codebook.",
    )
    arch: Literal["mlp", "cnn"] = Field("mlp", description="Layers of units, or convolutions.")
    hidden: tuple[int, ...] = Field(
        (256, 128), description="Units of the encoder's layers; the decoder mirrors them."
    )
    width: int = Field(32, ge=1, description="Channels of the first convolution.")
    norm: bool = Field(False, description="BatchNorm between layers.")
    latent_dim: int = Field(8, ge=1, description="Dimensions of the code.")
    loss: Literal["auto", "mse", "bce"] = Field(
        "auto",
        description="Squared error, or cross-entropy of intensities; auto is mse, but bce for "
        "images with --kind vae.",
    )
    tied: bool = Field(False, description="The decoder uses the encoder's weights, transposed.")

    code_activation: Literal["identity", "sigmoid", "tanh", "relu"] = Field(
        "identity", description="What follows the code's layer."
    )
    noise: Literal["none", "masking", "gaussian"] = Field(
        "none", description="Corrupt what the encoder sees (denoising)."
    )
    noise_level: float = Field(
        0.3, gt=0, description="Fraction of masked inputs, or standard deviation of the noise."
    )
    contractive: float = Field(
        0.0, ge=0, description="Weight of the squared norm of the code's Jacobian."
    )
    sparsity: float | None = Field(
        None, gt=0, lt=1, description="Target mean activity of sigmoid code units, or none."
    )
    sparsity_cost: float = Field(1.0, ge=0, description="Weight of the sparsity target.")
    l1: float = Field(0.0, ge=0, description="Weight of the code's absolute values.")

    beta: float = Field(1.0, ge=0, description="Weight of the KL divergence (beta-VAE).")
    kl_warmup_fraction: float = Field(
        0.0, ge=0, le=1, description="Fraction of the budget over which that weight rises from 0."
    )
    sigma: float = Field(NORMAL, gt=0, description="Standard deviation of gaussian outputs.")
    learn_sigma: bool = Field(False, description="Learn that standard deviation, one for all.")
    binarize: Literal["none", "drawn", "threshold"] = Field(
        "none",
        description="See bits: drawn for each batch with the intensities as probabilities, or 1 "
        "from 0.5 on.",
    )
    conditional: bool = Field(False, description="Encoder and decoder get the class.")
    iwae: int = Field(64, ge=1, description="Samples of the tighter bound in evaluations.")

    tokens: int = Field(4, ge=1, description="Equal parts of a code, each one entry.")
    entries: int = Field(64, ge=2, description="Entries of the codebook.")
    commitment: float = Field(0.25, ge=0, description="Weight of the pull towards entries.")
    codebook: Literal["ema", "gradient"] = Field(
        "ema", description="How entries learn: as running means of what they stand for, or by loss."
    )
    codebook_decay: float = Field(
        0.99, ge=0, lt=1, description="Decay of those means, and of the count of uses."
    )
    restart: bool = Field(True, description="Move entries that are hardly used to present codes.")

    probes: bool = Field(
        True, description="Predict targets from codes, by nearest neighbors and a linear model."
    )
    fid: int = Field(
        0, ge=0, description="Samples whose features are compared with the data's; 0: none."
    )

    @property
    def objective(self) -> tuple[str, str]:
        return ("eval/elbo", "max") if self.kind == "vae" else ("eval/reconstruction", "min")

    @property
    def budget(self) -> int:
        return 200_000

    @property
    def preset(self) -> str | None:
        if self.kind == "vae" and self.loss == "mse":
            return None  # those of variational ones are tuned for bits
        return self.target

    @property
    def target(self) -> str:
        return self.data_name if self.kind == "ae" else f"{self.kind}-{self.data_name}"

    @model_validator(mode="after")
    def _is_one_network(self) -> Self:
        if any(units < 1 for units in self.hidden):
            raise ValueError("--hidden: a layer has one unit or more")
        self._refuse(FOREIGN[self.kind], f"--kind {self.kind} has no")
        if self.arch == "cnn":
            self._refuse(("hidden", "tied"), "--arch cnn has no")
        else:
            self._refuse(("width",), "--arch mlp has no")
        if self.arch == "mlp" and not self.hidden:
            self._refuse(("activation", "norm"), "without --hidden layers there is no")
        part = ceil(self.batch_size / self.grad_accum_steps)
        if self.norm and min(part, self.batch_size % part or part) < 2:
            raise ValueError("--norm needs two examples or more in each part of a batch")
        return self

    @model_validator(mode="after")
    def _regularizes_what_is_there(self) -> Self:
        if self.noise == "none":
            self._refuse(("noise_level",), "without --noise there is no")
        if self.noise == "masking" and self.noise_level >= 1:
            raise ValueError("--noise-level 1 or more masks everything")
        if self.sparsity is None:
            self._refuse(("sparsity_cost",), "without --sparsity there is no")
        elif self.code_activation != "sigmoid":
            raise ValueError("--sparsity is a fraction of 1: it needs --code-activation sigmoid")
        if self.contractive and self.norm:
            raise ValueError("--contractive looks at each example alone, --norm mixes them")
        return self

    @model_validator(mode="after")
    def _has_consistent_outputs(self) -> Self:
        if self.loss == "bce":
            self._refuse(("sigma", "learn_sigma"), "--loss bce has no")
        if self.learn_sigma:
            self._refuse(("sigma",), "--learn-sigma finds by itself the")
        if self.binarize != "none" and self.loss == "mse":
            raise ValueError("--binarize makes bits, which --loss bce is for")
        return self

    @model_validator(mode="after")
    def _has_a_codebook(self) -> Self:
        if self.kind != "vq":
            return self
        if self.latent_dim % self.tokens:
            raise ValueError(
                f"--latent-dim {self.latent_dim} cannot be divided into {self.tokens} --tokens"
            )
        if self.codebook == "gradient" and not self.restart:
            self._refuse(("codebook_decay",), "--codebook gradient --no-restart counts nothing:")
        if self.ema is not None:
            raise ValueError("--ema averages weights, which would no longer fit the codebook")
        return self

    def _refuse(self, names: Iterable[str], because: str) -> None:
        """Raise ValueError where an option is set that would do nothing."""
        for name in names:
            if getattr(self, name) != type(self).model_fields[name].default:
                raise ValueError(f"{because} --{name.replace('_', '-')}")


class Export(ExportOptions):
    """Options of `lab export` for an autoencoder."""

    part: Literal["encoder", "whole"] = Field(
        "encoder", description="Inputs to codes, or to reconstructions."
    )
