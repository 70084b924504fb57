"""List the options of agents that learn Q-values, and those of DQN.

Units: env steps are transitions, gradient steps are updates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from lab import EnvConfig

ATARI: Mapping[str, Any] = {  # what `--atari` says of the options behind it
    "noop_max": 30,
    "fire_reset": True,
    "clip_reward": True,
    "terminal_on_life_loss": True,
    "eval_epsilon": 0.05,
}


class AgentConfig(EnvConfig):
    """How an agent that learns Q-values sees, explores and is evaluated."""

    frame_stack: int = Field(1, ge=1, description="Latest observations that make one.")
    scale_obs: bool = Field(False, description="Scale bounded vectors to [-1, 1].")
    channels: Literal["first", "last"] | None = Field(
        None, description="Where pictures have their channels; none: where there are fewer."
    )
    atari: bool = Field(
        False,
        description="Atari's protocol: 84x84 gray, every fourth frame, and the next five options.",
    )
    noop_max: int = Field(
        0, ge=0, description="No-ops at a game's start, at most; --atari: 30, and not without it."
    )
    fire_reset: bool = Field(
        False, description="Press FIRE at the start and after a lost life; --atari: yes."
    )
    clip_reward: bool = Field(
        False, description="Learn from rewards' signs, not returns'; --atari: yes."
    )
    terminal_on_life_loss: bool = Field(
        False, description="Learn that a lost life is an end; --atari: yes."
    )
    eval_epsilon: float = Field(
        0.0, ge=0, le=1, description="Random actions in evaluation; --atari: .05."
    )
    atari_vector: bool = Field(
        False, description="Train in ALE's own vector environment; its state is not saved."
    )
    sticky_actions: float | None = Field(
        None, ge=0, lt=1, description="Probability that a game repeats the action before."
    )

    hidden: tuple[int, ...] = Field((128, 128), description="Units of the hidden layers.")
    gamma: float = Field(0.99, ge=0, le=1, description="Discount.")

    epsilon_start: float = Field(1.0, ge=0, le=1, description="Random actions at the start.")
    epsilon_end: float = Field(0.05, ge=0, le=1, description="Random actions in the end.")
    exploration_fraction: float = Field(
        0.1, ge=0, le=1, description="Fraction of the budget over which epsilon falls."
    )
    temporally_extended: bool = Field(
        False, description="Hold each random action for a heavy-tailed number of steps."
    )

    eval_episodes: int = Field(20, ge=1, description="Greedy episodes of an evaluation.")
    test_episodes: int = Field(100, ge=1, description="Fresh greedy episodes of the final test.")

    @property
    def objective(self) -> tuple[str, str]:
        return "eval/return", "max"

    @property
    def target(self) -> str:
        return self.env

    @property
    def preset(self) -> str:
        return self.env.rpartition(":")[2]

    @model_validator(mode="before")
    @classmethod
    def _as_the_field_does(cls, values: Any) -> Any:
        """Let what is said beside `--atari` hold."""
        return {**ATARI, **values} if isinstance(values, dict) and values.get("atari") else values

    @model_validator(mode="after")
    def _is_a_part(self) -> Self:
        if self.noop_max and not self.atari:
            raise ValueError("--noop-max is a part of --atari")
        if self.atari_vector and not self.atari:
            raise ValueError("--atari-vector is a part of --atari")
        if self.atari_vector and self.wrap:
            raise ValueError("--wrap changes single environments; --atari-vector has none")
        return self


class Config(AgentConfig):
    dueling: bool = Field(False, description="Separate value and advantage heads.")
    double: bool = Field(False, description="Online net selects, target net evaluates.")

    quantiles: int = Field(
        0, ge=0, le=1_000, description="Learn the return's distribution by so many; 0: its mean."
    )
    noisy: bool = Field(
        False, description="Explore by noise in the weights, in the place of random actions."
    )

    lr: float = Field(1e-3, gt=0, description="Learning rate of Adam.")
    batch_size: int = Field(64, ge=1, description="Transitions in a minibatch.")
    loss: Literal["huber", "mse"] = Field("huber", description="Loss on the TD error.")
    clip_norm: float | None = Field(10.0, gt=0, description="Gradient-norm clip, or none.")
    n_step: int = Field(1, ge=1, description="Steps of reward before the bootstrap.")

    train_freq: int = Field(4, ge=1, description="Env steps between learning phases.")
    gradient_steps: int = Field(1, ge=1, description="Gradient steps of a learning phase.")
    learning_starts: int = Field(1_000, ge=0, description="Env steps before learning.")
    target_network: bool = Field(True, description="Fixed Q-targets from a copy of the network.")
    target_update_interval: int = Field(
        1_000, ge=1, description="Gradient steps between target updates."
    )
    tau: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Polyak weight of the online net in a target update; 1: a copy.",
    )

    replay: bool = Field(True, description="Experience replay; without it, the latest rollout.")
    buffer_size: int = Field(100_000, ge=1, description="Transitions that replay remembers.")
    replay_device: Literal["device", "cpu"] = Field("device", description="Where frames are kept.")
    prioritized: bool = Field(False, description="Sample in proportion to the TD error.")
    priority_alpha: float = Field(0.6, ge=0, le=1, description="Exponent of the priorities.")
    priority_beta: float = Field(
        0.4,
        ge=0,
        le=1,
        description="Exponent of the importance weights at the start; 1 at the end.",
    )

    @property
    def budget(self) -> int:
        return 50_000

    @model_validator(mode="after")
    def _has_one_loss(self) -> Self:
        if self.quantiles and self.loss != "huber":
            raise ValueError("--quantiles have a loss of their own, a Huber loss for each level")
        return self
