"""List the options of PQN. Units: env steps are transitions, gradient steps are updates."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab import OneOf
from lab.optim import OPTIMIZERS, SCHEDULES, OptimizerOptions
from lab_dqn.config import AgentConfig


class Config(AgentConfig, OptimizerOptions):
    n_envs: int = Field(32, ge=1, description="Environments stepped together.")
    layer_norm: bool = Field(True, description="LayerNorm after each layer, before its ReLU.")

    optimizer: Annotated[str, OneOf(OPTIMIZERS)] = Field("radam", description="Optimizer.")
    lr: float = Field(2.5e-4, gt=0, description="Learning rate at its peak.")
    schedule: Annotated[str, OneOf(SCHEDULES)] = Field(
        "linear", description="Course of the learning rate over the budget."
    )
    clip_norm: float | None = Field(10.0, gt=0, description="Gradient-norm clip, or none.")

    n_steps: int = Field(
        32, ge=1, description="Steps of a rollout in each environment: all that is learned from."
    )
    n_epochs: int = Field(4, ge=1, description="Passes over a rollout.")
    batch_size: int = Field(128, ge=1, description="Transitions in a minibatch.")
    q_lambda: float = Field(
        0.65, ge=0, le=1, description="Lambda of the returns; 0: one-step targets, 1: Monte Carlo."
    )
    reward_scale: float = Field(
        1.0, gt=0, description="The network learns rewards times this; Q is in their own unit."
    )
    exploration_fraction: float = Field(
        0.5, ge=0, le=1, description="Fraction of the budget over which epsilon falls."
    )

    @property
    def budget(self) -> int:
        return 500_000
