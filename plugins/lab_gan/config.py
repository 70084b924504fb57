"""List the options of adversarial networks. Units: the clock counts the real examples that the
discriminator has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from lab import Config as BaseConfig
from lab import DataOptions, OneOf, Plugins
from lab.optim import OPTIMIZERS, OptimizerOptions
from lab_gan.losses import LOSSES, Loss, losses_with

VARIATIONS = ("color", "translation", "cutout")
ARCHITECTURES = {"image": "cnn", "table": "mlp", "sequence": "rnn", "tokens": "rnn"}


class Config(DataOptions, OptimizerOptions, BaseConfig):
    clock: ClassVar[str] = "samples"

    loss: Annotated[str, OneOf(LOSSES)] = Field(
        "non-saturating", description="Objective of the two networks."
    )
    arch: Literal["auto", "mlp", "cnn", "rnn"] = Field(
        "auto", description="Kind of both networks; auto: cnn for images, rnn for sequences."
    )
    hidden: tuple[int, ...] = Field((128, 128), description="Units of the hidden layers (mlp).")
    width: int = Field(32, ge=1, description="Channels of the largest level (cnn), or units (rnn).")
    norm: Literal["none", "batch"] = Field(
        "none", description="BatchNorm in the generator; a discriminator never has it."
    )
    latent_dim: int = Field(64, ge=1, description="Dimensions of the latent noise.")
    temperature: float = Field(
        1.0, gt=0, description="Of the Gumbel-softmax that words are drawn by."
    )

    optimizer: Annotated[str, OneOf(OPTIMIZERS)] = Field(
        "adam", description="Optimizer of both players."
    )
    lr: float = Field(2e-4, gt=0, description="Learning rate of the generator at its peak.")
    d_lr: float | None = Field(
        None, gt=0, description="Learning rate of the discriminator; none: the generator's."
    )
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's decay of the first moment.")
    beta2: float = Field(0.99, ge=0, lt=1, description="Adam's decay of the second moment.")
    critic_steps: int | None = Field(
        None,
        ge=1,
        description="Discriminator updates for each one of the generator; none: 5 for "
        f"{losses_with(lambda loss: loss.critic_steps > 1)}, else 1.",
    )
    ema: float | None = Field(
        0.999, ge=0, lt=1, description="Decay of the averaged generator that samples, or none."
    )

    weight_clip: float = Field(0.01, gt=0, description="Largest weight of a critic (wgan).")
    gradient_penalty: float | None = Field(
        None, ge=0, description="Weight of (|gradient| - 1)^2 between reals and fakes; none: 10 "
        "for wgan-gp, else 0.",
    )  # fmt: skip
    r1: float | None = Field(
        None, ge=0, description="Gamma of the gradient penalty on reals; none: 1 for relativistic, "
        "else 0.",
    )  # fmt: skip
    r2: float | None = Field(
        None, ge=0, description="The same on fakes; none: 1 for relativistic, else 0."
    )
    reg_interval: int = Field(
        1, ge=1, description="Penalties come with every n-th update, n times."
    )
    spectral_norm: Literal["auto", "on", "off"] = Field(
        "auto", description="Layers of the discriminator have norm 1; auto: with hinge."
    )
    lipschitz: float = Field(
        1.0, gt=0, description="Lipschitz bound of a discriminator with spectral norm."
    )
    packing: int = Field(1, ge=1, description="Examples that the discriminator scores jointly.")
    diffaug: tuple[str, ...] = Field(
        (), description="Vary what the discriminator sees: color,translation,cutout."
    )

    conditional: Literal["none", "concat", "projection", "auxiliary"] = Field(
        "none", description="Generate by class: how the discriminator uses the labels."
    )
    n_labeled_per_class: int | None = Field(
        None, ge=1, description="Learn to classify, too, from so many examples of each class."
    )
    class_weight: float = Field(1.0, ge=0, description="Weight of the loss of naming classes.")
    info_categorical: int = Field(0, ge=0, description="Categories to discover without labels.")
    info_continuous: int = Field(0, ge=0, description="Continuous factors to discover.")
    info_weight: float = Field(1.0, ge=0, description="Weight of the loss of reading them.")

    eval_samples: int = Field(1_000, ge=6, description="Samples that an evaluation measures.")

    # -- what options come to

    def architecture(self, kind: str) -> str:
        """Return the networks that examples of a kind get."""
        return ARCHITECTURES[kind] if self.arch == "auto" else self.arch

    @property
    def game(self) -> Loss:
        return LOSSES[self.loss]

    @property
    def updates(self) -> int:
        """How often the discriminator learns for each time that the generator does."""
        return self.critic_steps or self.game.critic_steps

    @property
    def penalty(self) -> float:
        if self.gradient_penalty is None:
            return self.game.gradient_penalty
        return self.gradient_penalty

    @property
    def gammas(self) -> tuple[float, float]:
        """R1's and R2's."""
        r1, r2 = self.game.gammas
        return r1 if self.r1 is None else self.r1, r2 if self.r2 is None else self.r2

    @property
    def penalized(self) -> bool:
        """Whether the discriminator's gradient is differentiated again."""
        return self.penalty > 0 or any(self.gammas)

    @property
    def informed(self) -> bool:
        """Whether latent codes are predicted from samples, as InfoGAN's are."""
        return self.info_categorical > 0 or self.info_continuous > 0

    @property
    def normalizes(self) -> bool:
        return (
            self.game.spectral_norm if self.spectral_norm == "auto" else self.spectral_norm == "on"
        )

    @property
    def names_classes(self) -> bool:
        return self.conditional == "auxiliary" or self.n_labeled_per_class is not None

    # -- what the runner reads

    def lacks(self, task: str) -> tuple[str, ...]:
        return () if self.names_classes else ("predict",)

    @property
    def objective(self) -> tuple[str, str]:
        if self.n_labeled_per_class is not None:
            return "eval/accuracy", "max"
        return "eval/distance", "min"

    def goals(self, plugins: Plugins) -> Mapping[str, str]:
        return {"indistinguishable": "eval/indistinguishable>=1"}

    @property
    def budget(self) -> int:
        return 1_000_000

    @property
    def preset(self) -> str | None:
        """Images' presets are tuned for layers."""
        return None if self.arch == "cnn" else self.data

    # -- what does not fit together

    @field_validator("diffaug")
    @classmethod
    def _variations_exist(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in VARIATIONS:
                raise ValueError(f"{name!r} is none of {', '.join(VARIATIONS)}")
        return names

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if any(units < 1 for units in self.hidden):
            raise ValueError("--hidden: a layer has one unit or more")
        if self.packing > 1 and self.batch_size % (self.packing * self.grad_accum_steps):
            parts = f" in {self.grad_accum_steps} parts" if self.grad_accum_steps > 1 else ""
            raise ValueError(
                f"--packing {self.packing} does not divide --batch-size {self.batch_size}{parts}"
            )
        self._does_something()
        singles = {
            "--conditional projection": self.conditional == "projection",
            "--conditional auxiliary": self.conditional == "auxiliary",
            "--n-labeled-per-class": self.n_labeled_per_class is not None,
            "--info-categorical": self.info_categorical > 0,
            "--info-continuous": self.info_continuous > 0,
        }
        for option, is_set in singles.items():
            if is_set and self.packing > 1:
                raise ValueError(f"{option} is of single examples; --packing judges several")
        if self.n_labeled_per_class is not None and self.conditional != "none":
            raise ValueError(
                "--n-labeled-per-class and --conditional exclude each other: most have no label"
            )
        if self.info_categorical == 1:
            raise ValueError("--info-categorical 1: one class tells nothing; take 2 or more")
        if self.norm == "batch" and self.batch_size // self.grad_accum_steps < 2:
            raise ValueError("--norm batch needs two examples or more in each part of a batch")
        heads = self.names_classes or self.informed
        if self.game.clips and (heads or self.normalizes):
            raise ValueError(
                f"--loss {self.loss} clips all weights, those of heads and norms too: wgan-gp"
            )
        if self.n_labeled_per_class is not None and not self.game.logits:
            raise ValueError(
                "--n-labeled-per-class makes logits of classes: take --loss "
                f"{losses_with(lambda loss: loss.logits, ' or ')}"
            )
        return self

    def _does_something(self) -> None:
        """Raise ValueError where an option is set that would do nothing."""
        adam = self.optimizer in ("adam", "adamw")
        for names, used, because in (
            (("beta1", "beta2"), adam, "is Adam's"),
            (("momentum",), not adam, "is not Adam's: that is --beta1"),
            (
                ("weight_clip",),
                self.game.clips,
                f"is for --loss {losses_with(lambda loss: loss.clips)}",
            ),
            (("reg_interval",), self.penalized, "is for penalties: --r1, --r2, --gradient-penalty"),
            (("lipschitz",), self.normalizes, "needs a bound on layers: --spectral-norm on"),
            (
                ("class_weight",),
                self.names_classes,
                "is for --conditional auxiliary, --n-labeled-per-class",
            ),
            (("info_weight",), self.informed, "is for codes to read"),
        ):
            for name in names:
                if not used and getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"--{name.replace('_', '-')} {because}")
