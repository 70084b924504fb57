"""Offer the lab's environments, `lab/...`, fast equals of two of Gymnasium's, Atari, MinAtar."""

from __future__ import annotations

from collections.abc import Iterator

from lab import EnvironmentSpec, hookimpl

NATIVE = {"MountainCar-v0": "lab/MountainCar-v0", "Acrobot-v1": "lab/Acrobot-v1"}


@hookimpl
def lab_environments() -> Iterator[EnvironmentSpec]:
    yield EnvironmentSpec(namespace="lab", module="lab_envs.registration", native=NATIVE)
    yield EnvironmentSpec(namespace="ALE", module="ale_py", install="rl-gen-lab[atari]")
    yield EnvironmentSpec(namespace="MinAtar", module="lab_envs.minatar", install="minatar")
