"""Offer policy gradients: REINFORCE, A2C and PPO."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab_pg.presets import PRESETS


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="pg",
        summary="Policy gradients: PPO, A2C and REINFORCE, with discrete or continuous actions",
        config="lab_pg.config:Config",
        experiment="lab_pg.pg:PG",
        presets=PRESETS,
        capabilities={"play": "lab:Play", "export": "lab.capabilities:Export"},
        metrics={
            "train/loss": "loss of policy and values, less the entropy, each with its weight",
            "train/policy_loss": "what the policy loses: of PPO the clipped surrogate, negative",
            "train/value_loss": "squared error of the values",
            "train/entropy": "entropy of the policy in nats",
            "train/approx_kl": "KL from the policy that played to the present one, estimated",
            "train/clip_fraction": "fraction of probability ratios beyond the clip, of PPO",
            "train/explained_variance": "fraction of the variance of returns that values explain",
            "train/std": "mean standard deviation of continuous actions",
            "train/lr": "learning rate",
            "train/return": "undiscounted return of training episodes, exploration included",
            "train/length": "length of training episodes in steps",
            "eval/return": "undiscounted return of episodes of the likeliest actions",
            "eval/length": "length of those episodes in steps",
            "eval/truncated": "how many of them evaluation itself cut, for want of a time limit",
            "test/return": "undiscounted return of fresh episodes of the likeliest actions",
            "test/return_low": "lower end of its 95 % interval",
            "test/return_high": "upper end of its 95 % interval",
            "test/episodes": "how many fresh episodes",
            "test/length": "their length in steps",
            "test/truncated": "as eval/truncated, of the fresh episodes",
        },
    )
