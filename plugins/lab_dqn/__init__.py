"""Offer Q-learning with deep networks: DQN, and PQN without replay and fixed Q-targets."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl
from lab_dqn.pqn_presets import PRESETS as PQN_PRESETS
from lab_dqn.presets import PRESETS

ACTING = {
    "train/epsilon": "probability that a step begins a random action",
    "train/return": "undiscounted return of training episodes, exploration included",
    "train/length": "length of training episodes in steps",
    "eval/return": "undiscounted return of greedy episodes",
    "eval/length": "length of greedy episodes in steps",
    "eval/truncated": "how many of them evaluation itself cut, for want of a time limit",
    "eval/q_start": "highest predicted Q of the first states of greedy episodes",
    "eval/discounted_return": "what those episodes really returned, discounted",
    "test/return": "undiscounted return of fresh greedy episodes",
    "test/return_low": "lower end of its 95 % interval",
    "test/return_high": "upper end of its 95 % interval",
    "test/episodes": "how many fresh episodes",
    "test/length": "their length in steps",
    "test/truncated": "as eval/truncated, of the fresh episodes",
    "test/q_start": "as eval/q_start, on the fresh episodes",
    "test/discounted_return": "as eval/discounted_return, on the fresh episodes",
}


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="dqn",
        summary="Deep Q-network with experience replay and fixed Q-targets",
        config="lab_dqn.config:Config",
        experiment="lab_dqn.dqn:DQN",
        presets=PRESETS,
        capabilities={"play": "lab:Play", "export": "lab.capabilities:Export"},
        metrics={
            "train/loss": "loss on the TD error, weighted as sampled",
            "train/q_mean": "mean Q of the actions in the minibatches",
            "train/td_error": "mean absolute TD error",
            **ACTING,
        },
    )
    yield ExperimentSpec(
        name="pqn",
        summary="Q-learning without replay and target network: LayerNorm, many environments",
        config="lab_dqn.pqn_config:Config",
        experiment="lab_dqn.pqn:PQN",
        presets=PQN_PRESETS,
        capabilities={"play": "lab:Play", "export": "lab.capabilities:Export"},
        metrics={
            "train/loss": "half the squared TD error",
            "train/q_mean": "mean Q of the actions that were taken",
            "train/td_error": "mean absolute distance of Q from the lambda-return",
            "train/lr": "learning rate",
            **ACTING,
        },
    )
