"""List the options of stable-baselines3's algorithms. None leaves an algorithm its own default."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from lab import EnvConfig, Options

# what the options are called there
ARGUMENTS = {
    "lr": "learning_rate",
    "gamma": "gamma",
    "batch_size": "batch_size",
    "n_steps": "n_steps",
    "n_epochs": "n_epochs",
    "gae_lambda": "gae_lambda",
    "clip_range": "clip_range",
    "buffer_size": "buffer_size",
    "learning_starts": "learning_starts",
    "train_freq": "train_freq",
    "gradient_steps": "gradient_steps",
    "tau": "tau",
    "target_update_interval": "target_update_interval",
    "exploration_fraction": "exploration_fraction",
    "epsilon_end": "exploration_final_eps",
    "noise": "action_noise",
}


class Config(EnvConfig):
    algo: Literal[
        "dqn", "ppo", "a2c", "sac", "td3", "ddpg",
        "tqc", "crossq", "qrdqn", "trpo", "maskable-ppo", "recurrent-ppo", "ars",
    ] = Field("ppo", description="Algorithm; from tqc on of sb3-contrib.")  # fmt: skip
    policy: Literal["auto", "MlpPolicy", "CnnPolicy", "MultiInputPolicy", "LinearPolicy"] = Field(
        "auto", description="Network; auto goes by the observations."
    )
    policy_args: dict[str, bool | int | float | str] = Field(
        {}, description="Arguments of the policy's class: n_quantiles=50,lstm_hidden_size=64."
    )

    hidden: tuple[int, ...] | None = Field(None, description="Units of the hidden layers.")
    lr: float | None = Field(None, gt=0, description="Learning rate.")
    gamma: float | None = Field(None, ge=0, le=1, description="Discount.")
    batch_size: int | None = Field(None, ge=1, description="Transitions in a minibatch.")
    linear: bool = Field(
        False, description="Let learning rate and clip range fall linearly to 0 over the budget."
    )

    normalize_obs: bool = Field(
        False, description="Standardize vectors by what training has seen of them."
    )
    normalize_returns: bool = Field(
        False, description="Divide rewards by the running std of the discounted return."
    )

    n_steps: int | None = Field(
        None, ge=1, description="PPO, A2C: steps of a rollout in each environment; DQN: n-step."
    )
    n_epochs: int | None = Field(None, ge=1, description="PPO: passes over a rollout.")
    gae_lambda: float | None = Field(None, ge=0, le=1, description="PPO, A2C: lambda of GAE.")
    clip_range: float | None = Field(None, gt=0, description="PPO: clipping parameter.")

    buffer_size: int | None = Field(None, ge=1, description="Transitions that replay remembers.")
    learning_starts: int | None = Field(None, ge=0, description="Env steps before learning.")
    train_freq: int | None = Field(
        None, ge=1, description="Steps of every environment between learning phases."
    )
    gradient_steps: int | None = Field(
        None, ge=-1, description="Gradient steps of a learning phase; -1: as many as env steps."
    )
    tau: float | None = Field(None, gt=0, le=1, description="Polyak weight of a target update.")
    target_update_interval: int | None = Field(
        None, ge=1, description="DQN: env steps between target updates."
    )
    exploration_fraction: float | None = Field(
        None, ge=0, le=1, description="DQN: fraction of the budget over which epsilon falls."
    )
    epsilon_end: float | None = Field(
        None, ge=0, le=1, description="DQN: random actions in the end."
    )
    noise: float | None = Field(
        None, ge=0, description="SAC, TD3, DDPG: standard deviation of the action noise."
    )
    args: dict[str, bool | int | float | str] = Field(
        {}, description="Further arguments of the algorithm's class: ent_coef=0.01,use_sde=true."
    )

    eval_episodes: int = Field(20, ge=1, description="Deterministic episodes of an evaluation.")
    test_episodes: int = Field(100, ge=1, description="Fresh episodes of the final test.")

    @property
    def objective(self) -> tuple[str, str]:
        return "eval/return", "max"

    @property
    def target(self) -> str:
        return f"{self.algo}-{self.env}"

    @property
    def budget(self) -> int:
        return 50_000

    @property
    def preset(self) -> str:
        return f"{self.algo}-{self.env.rpartition(':')[2]}"

    @model_validator(mode="after")
    def _plays_alone(self) -> Self:
        if self.algo == "ars" and self.n_envs > 1:
            raise ValueError("--algo ars plays one episode after another: --n-envs 1")
        return self


class Export(Options):
    """What `lab export` asks."""

    out: Path | None = Field(
        None, description="File to write; by default sb3.zip in the run folder."
    )
    policy_alone: bool = Field(
        False, description="Write it though it needs wrappers that stable-baselines3 lacks."
    )
