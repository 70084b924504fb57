"""What the runner provides keeps its promises across a resume."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
import worlds
from gymnasium.wrappers import NormalizeObservation
from helpers import difference, noting

from lab.compute.device import Compute
from lab.compute.rng import untouched
from lab.engine.context import Context


class Drawing(gym.Env):
    """Draws from the global generators when it is built, as third-party code may."""

    observation_space = gym.spaces.Box(-1, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self) -> None:
        np.random.random()  # noqa: NPY002
        torch.rand(1)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        return np.zeros(1, np.float32), 0.0, False, False, {}


@pytest.fixture
def context(tmp_path: Path):
    made: list[Context] = []

    def make(seed: int = 0, **options) -> Context:
        compute = Compute(torch.device("cpu"))
        made.append(Context(seed=seed, budget=100, dir=tmp_path, compute=compute, **options))
        return made[-1]

    with untouched():
        yield make
    for ctx in made:
        ctx.close()


def test_a_fact_is_computed_once_in_a_runs_life(context) -> None:
    first = context()
    calls = []
    compute = noting(lambda: (np.int64(3), 4), lambda: calls.append(1))
    assert first.run_constant("shape", compute) == (3, 4)
    resumed = context(facts=first.facts)
    assert resumed.run_constant("shape", lambda: calls.append(1)) == (3, 4)
    assert calls == [1]
    assert type(first.facts["shape"][0]) is int


def test_making_environments_draws_no_training_randomness(context) -> None:
    worlds.register("core_tests/Drawing-v0", Drawing)
    try:
        ctx = context()
        before = ctx.randomness.state_dict()
        ctx.make_envs("core_tests/Drawing-v0", 2)
        ctx.make_envs("core_tests/Drawing-v0", 2, train=False)
        ctx.make_env("core_tests/Drawing-v0")
        assert difference(ctx.randomness.state_dict(), before) is None
    finally:
        del gym.registry["core_tests/Drawing-v0"]


def play(envs, steps: int) -> list[bytes]:
    envs.vector.action_space.seed(0)
    return [envs.step(envs.vector.action_space.sample()).next_obs.tobytes() for _ in range(steps)]


@pytest.mark.parametrize("when", ["at once", "on first use"])
def test_training_environments_go_on_whenever_they_are_made(context, when) -> None:
    first = context()
    envs = [first.make_envs("CartPole-v1", n) for n in (1, 8)]
    for each in envs:
        play(each, 30)
    saved = first.envs_state()
    future = [play(each, 40) for each in envs]

    resumed = context(facts=first.facts)
    made = [resumed.make_envs("CartPole-v1", n) for n in (1, 8)] if when == "at once" else None
    resumed.clock = 60
    resumed.load_envs_state(saved)
    assert difference(resumed.envs_state(), saved) is None  # saved again before they are made
    made = made or [resumed.make_envs("CartPole-v1", n) for n in (1, 8)]
    assert [play(each, 40) for each in made] == future


def test_an_environment_that_cannot_be_saved_is_announced(context) -> None:
    warnings: list[str] = []
    ctx = context(warn=warnings.append)
    assert not ctx.make_envs("CartPole-v1", 2, wrappers=(NormalizeObservation,)).exact
    assert len(warnings) == 1
    assert "episodes restart" in warnings[0]


@pytest.mark.parametrize("when", ["at once", "on first use"])
def test_episodes_that_restart_on_resume_are_new_ones(context, when) -> None:
    facts = {"envs 0 exact": False}
    first = context(facts=facts)
    beginning = first.make_envs("CartPole-v1", 2).obs.tobytes()

    def resumed(clock: int) -> bytes:
        ctx = context(facts=facts)
        envs = ctx.make_envs("CartPole-v1", 2) if when == "at once" else None
        ctx.clock = clock
        ctx.load_envs_state(first.envs_state())
        envs = envs or ctx.make_envs("CartPole-v1", 2)
        return envs.obs.tobytes()

    assert len({beginning, resumed(60), resumed(90)}) == 3
    assert resumed(60) == resumed(60)


def test_evaluation_environments_are_no_part_of_the_state(context) -> None:
    ctx = context()
    ctx.make_envs("CartPole-v1", 2, train=False)
    assert ctx.envs_state() == []


def test_different_runs_train_in_different_episodes(context) -> None:
    starts = [context(seed=s).make_envs("CartPole-v1", 2).obs.tobytes() for s in (0, 0, 1)]
    assert starts[0] == starts[1] != starts[2]
