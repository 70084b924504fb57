"""Offer the algorithms of stable-baselines3 and sb3-contrib under the lab's runner."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab_sb3.presets import PRESETS

TRAIN = {
    "return": "undiscounted return of training episodes, exploration included",
    "length": "length of training episodes in steps",
    "loss": "the loss that is minimized",
    "policy_gradient_loss": "clipped surrogate loss (PPO and its kin)",
    "policy_loss": "policy-gradient loss (A2C)",
    "policy_objective": "surrogate objective (TRPO)",
    "value_loss": "squared error of the value function",
    "entropy_loss": "negative mean entropy of the policy (PPO and its kin, A2C)",
    "approx_kl": "approximate KL divergence from the old policy (PPO and its kin)",
    "kl_divergence_loss": "KL divergence from the old policy (TRPO)",
    "is_line_search_success": "1 where a step kept to the trust region (TRPO)",
    "clip_fraction": "fraction of clipped ratios (PPO and its kin)",
    "clip_range": "clipping parameter of the policy (PPO and its kin)",
    "clip_range_vf": "clipping parameter of the value function (PPO and its kin)",
    "explained_variance": "fraction of the returns' variance that the value function explains",
    "std": "standard deviation of the Gaussian policy",
    "actor_loss": "loss of the actor (SAC, TD3, DDPG, TQC, CrossQ)",
    "critic_loss": "loss of the critics (SAC, TD3, DDPG, TQC, CrossQ)",
    "ent_coef": "entropy coefficient (SAC, TQC, CrossQ)",
    "ent_coef_loss": "loss of the entropy coefficient (SAC, TQC, CrossQ)",
    "learning_rate": "learning rate",
    "n_updates": "gradient steps, or epochs over rollouts (PPO and its kin, A2C, TRPO), so far",
    "exploration_rate": "probability of a random action (DQN, QRDQN)",
    "iterations": "updates before this one (ARS)",
    "delta_std": "standard deviation of the weights' noise (ARS)",
    "step_size": "what the weighted sum of the noise is multiplied by (ARS)",
    "return_std": "standard deviation of the returns of the best directions (ARS)",
}


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="sb3",
        summary="stable-baselines3: DQN, PPO, A2C, SAC, TD3, DDPG, and sb3-contrib's",
        config="lab_sb3.config:Config",
        experiment="lab_sb3.sb3:SB3",
        presets=PRESETS,
        capabilities={"play": "lab:Play", "export": "lab_sb3.config:Export"},
        metrics={
            **{f"train/{name}": text for name, text in TRAIN.items()},
            "eval/return": "undiscounted return of deterministic episodes",
            "eval/length": "length of deterministic episodes in steps",
            "eval/truncated": "how many of them evaluation itself cut, for want of a time limit",
            "test/return": "undiscounted return of fresh deterministic episodes",
            "test/return_low": "lower end of its 95 % interval",
            "test/return_high": "upper end of its 95 % interval",
            "test/episodes": "how many fresh episodes",
            "test/length": "their length in steps",
            "test/truncated": "as eval/truncated, of the fresh episodes",
        },
        exempt={
            "randomness_is_the_runners": "stable-baselines3 draws minibatches and noise from "
            "numpy's global generator, which the runner seeds, saves and restores"
        },
    )
