"""List the algorithms of stable-baselines3 and sb3-contrib, and where they lie."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from gymnasium import spaces

from lab import NotInstalled

CONTRIB = "sb3_contrib"

Action = type[spaces.Space[Any]]

CONTINUOUS: tuple[Action, ...] = (spaces.Box,)
ONE: tuple[Action, ...] = (spaces.Discrete,)
CHOICES: tuple[Action, ...] = (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)
ANY: tuple[Action, ...] = (spaces.Box, *CHOICES)


class Algorithm(NamedTuple):
    """What tells the algorithms apart, seen from outside.

    loop: what its `learn` repeats: a rollout, steps into a replay buffer, or a population's
    episodes. actions: the kinds of spaces it acts in.
    """

    name: str  # of its class
    loop: Literal["rollout", "replay", "population"]
    actions: tuple[Action, ...]
    module: str = "stable_baselines3"
    recurrent: bool = False  # its policy keeps a state from step to step
    masked: bool = False  # it asks the environment which actions are allowed


ALGORITHMS: Mapping[str, Algorithm] = {
    "dqn": Algorithm("DQN", "replay", ONE),
    "ppo": Algorithm("PPO", "rollout", ANY),
    "a2c": Algorithm("A2C", "rollout", ANY),
    "sac": Algorithm("SAC", "replay", CONTINUOUS),
    "td3": Algorithm("TD3", "replay", CONTINUOUS),
    "ddpg": Algorithm("DDPG", "replay", CONTINUOUS),
    "tqc": Algorithm("TQC", "replay", CONTINUOUS, CONTRIB),
    "crossq": Algorithm("CrossQ", "replay", CONTINUOUS, CONTRIB),
    "qrdqn": Algorithm("QRDQN", "replay", ONE, CONTRIB),
    "trpo": Algorithm("TRPO", "rollout", ANY, CONTRIB),
    "maskable-ppo": Algorithm("MaskablePPO", "rollout", CHOICES, CONTRIB, masked=True),
    "recurrent-ppo": Algorithm("RecurrentPPO", "rollout", ANY, CONTRIB, recurrent=True),
    "ars": Algorithm("ARS", "population", (spaces.Box, spaces.Discrete), CONTRIB),
}


def load(algo: str) -> Any:
    """Return the class of an algorithm. Raises NotInstalled, which says how to install it."""
    algorithm = ALGORITHMS[algo]
    try:
        return getattr(importlib.import_module(algorithm.module), algorithm.name)
    except ImportError as error:
        raise NotInstalled(
            f"--algo {algo} needs an extra: pip install 'rl-gen-lab[contrib]' ({error})"
        ) from error
