"""List the options of policy gradients. Units: env steps are transitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from lab import EnvConfig
from lab.optim import OptimizerOptions


class Algorithm(NamedTuple):
    """What tells the algorithms apart, where the options do not say it."""

    n_steps: int | None  # none: whole episodes
    n_epochs: int
    batch_size: int | None  # none: the whole rollout
    gae_lambda: float
    clip_range: float | None


ALGORITHMS: Mapping[str, Algorithm] = {
    "ppo": Algorithm(128, 4, 256, 0.95, 0.2),
    "a2c": Algorithm(8, 1, None, 1.0, None),
    "reinforce": Algorithm(None, 1, None, 1.0, None),
}
FOREIGN: Mapping[str, tuple[str, ...]] = {  # options that would be passed over
    "ppo": (),
    "a2c": ("n_epochs", "batch_size", "clip_range", "clip_value", "target_kl"),
    "reinforce": (
        "n_steps", "n_epochs", "batch_size", "gae_lambda", "clip_range", "clip_value", "target_kl",
    ),
}  # fmt: skip


class Config(EnvConfig, OptimizerOptions):
    algo: Literal["ppo", "a2c", "reinforce"] = Field("ppo", description="Algorithm.")
    n_envs: int = Field(8, ge=1, description="Environments stepped together.")
    channels: Literal["first", "last"] | None = Field(
        None, description="Where pictures have their channels; none: where there are fewer."
    )
    hidden: tuple[int, ...] = Field(
        (64, 64), description="Units of the hidden layers, of the actor and of the critic."
    )
    log_std_init: float = Field(
        0.0, ge=-20, le=5, description="Logarithm of the first std of continuous actions."
    )
    baseline: bool = Field(
        True, description="Take a learned value off the returns; only REINFORCE goes without."
    )

    n_steps: int | None = Field(
        None,
        ge=1,
        description="Steps of a rollout in each environment; none: 128 of PPO, 8 of A2C.",
    )
    n_epochs: int | None = Field(
        None, ge=1, description="Passes over a rollout; none: 4. Of PPO, as the next two."
    )
    batch_size: int | None = Field(None, ge=1, description="Transitions in a minibatch; none: 256.")
    clip_range: float | None = Field(
        None, gt=0, lt=1, description="Clip of the probability ratio; none: 0.2."
    )
    gamma: float = Field(0.99, ge=0, le=1, description="Discount.")
    gae_lambda: float | None = Field(
        None, ge=0, le=1, description="Lambda of GAE; none: 0.95 of PPO, 1 of A2C."
    )
    normalize_advantages: bool = Field(
        True, description="Standardize the advantages of a minibatch."
    )
    clip_value: float | None = Field(
        None, gt=0, description="How far a value moves from that of the rollout; none: freely."
    )
    target_kl: float | None = Field(
        None, gt=0, description="Mean KL of an epoch beyond which the others are left out."
    )
    value_coef: float = Field(0.5, gt=0, description="Weight of the squared error of values.")
    entropy_coef: float = Field(0.0, ge=0, description="Weight of the entropy of the policy.")
    entropy_coef_end: float | None = Field(
        None, ge=0, description="Its weight in the end, reached on a line; none: it stays."
    )
    normalize_obs: bool = Field(
        False, description="Standardize vectors by what training has seen of them."
    )
    normalize_returns: bool = Field(
        False, description="Divide rewards by the running std of the discounted return."
    )

    eval_episodes: int = Field(20, ge=1, description="Deterministic episodes of an evaluation.")
    test_episodes: int = Field(100, ge=1, description="Fresh episodes of the final test.")

    @property
    def algorithm(self) -> Algorithm:
        """Return the algorithm with what the options say of it."""
        said = {name: getattr(self, name) for name in Algorithm._fields}
        known = {name: value for name, value in said.items() if value is not None}
        return ALGORITHMS[self.algo]._replace(**known)

    @property
    def objective(self) -> tuple[str, str]:
        return "eval/return", "max"

    @property
    def target(self) -> str:
        return f"{self.algo}-{self.env}"

    @property
    def budget(self) -> int:
        return 100_000

    @property
    def preset(self) -> str:
        return f"{self.algo}-{self.env.rpartition(':')[2]}"

    @model_validator(mode="after")
    def _has_these_options(self) -> Self:
        given = [name for name in FOREIGN[self.algo] if getattr(self, name) is not None]
        if given:
            words = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ValueError(f"--algo {self.algo} has no {words}")
        if not self.baseline and self.algo != "reinforce":
            raise ValueError(f"--algo {self.algo} needs its critic: --no-baseline is of reinforce")
        return self
