"""A metric that is no finite number names its real cause: environment, data, start or training."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import worlds

import lab
from lab.environments.finite import Watch
from lab.plugins import Plugin, Plugins, discover

RATE = "smaller learning rate"


class Glitch(gym.Env[Any, Any]):
    """Episodes of 20 steps; step 7 of each has a `bad` value in what `part` names."""

    observation_space = gym.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gym.spaces.Discrete(2)

    default = ("none", math.nan)

    def __init__(self) -> None:
        (self.part, self.bad), self.steps = self.default, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(3, np.float32), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        obs = self.np_random.uniform(-1, 1, 3).astype(np.float32)
        reward = 1.0
        if self.steps == 7 and self.part == "obs":
            obs[1] = self.bad
        if self.steps == 7 and self.part == "reward":
            reward = self.bad
        return obs, reward, self.steps >= 20, False, {}


@pytest.fixture(autouse=True)
def registered():
    worlds.register("Glitch-v0", Glitch)
    yield
    del gym.registry["Glitch-v0"]


def failing(train, experiment: str, **options: Any) -> str:
    with pytest.raises(lab.RunFailed) as failed:
        train(experiment, media=False, **options)
    return str(failed.value)


RL = {"env": "Glitch-v0", "preset": "none", "budget": 2_000, "log_every": 200, "eval_every": 1_000,
      "eval_episodes": 2, "test_episodes": 2}  # fmt: skip
SB3 = {"dqn": {"learning_starts": 50, "train_freq": 4}, "ppo": {"n_steps": 64}, "a2c": {}}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("part", ["reward", "obs"])
def test_dqn_names_the_environment(train, monkeypatch, part, bad) -> None:
    monkeypatch.setattr(Glitch, "default", (part, bad))
    message = failing(train, "dqn", **RL, n_envs=2)
    where = "an observation[1] of {} after step 7 of an episode (environment 0)"
    expected = where if part == "obs" else "rewards that add up to {} in the first 20 steps"
    assert f"Glitch-v0 gave {expected.format(bad)}" in message
    assert RATE not in message


@pytest.mark.parametrize("algo", SB3)
@pytest.mark.parametrize("part", ["reward", "obs"])
def test_sb3_names_the_environment(train, monkeypatch, algo, part) -> None:
    monkeypatch.setattr(Glitch, "default", (part, math.nan))
    message = failing(train, "sb3", **RL, **SB3[algo], algo=algo)
    assert "Glitch-v0 gave " in message
    assert "nan" in message
    assert RATE not in message


def test_a_metric_that_is_not_finite_at_the_start_does_not_blame_training(train) -> None:
    message = failing(train, "odd", trouble="nan-eval", at=0)
    assert "eval/score is nan before any training" in message
    assert "the data, the environment, the network or its initialization" in message
    assert RATE not in message


def test_weights_that_are_not_finite_are_named(train, monkeypatch) -> None:
    from lab_odd.odd import Odd

    def step(self) -> int:
        self.where += math.inf
        self.ctx.log("loss", self.where - self.where)
        return 10

    monkeypatch.setattr(Odd, "step", step)
    message = failing(train, "odd", log_every=10)
    assert (
        "train/loss became nan by clock 10: training diverged, model.where is not finite" in message
    )
    assert RATE in message


def test_a_metric_alone_that_is_not_finite_says_that_weights_are(train) -> None:
    message = failing(train, "odd", trouble="nan-loss", at=100)
    assert "while all weights are finite" in message


def test_a_divergence_that_an_experiment_finds_at_the_start_is_not_trainings(
    train, monkeypatch
) -> None:
    from lab_odd.odd import Odd

    def evaluate(self, split: str) -> dict[str, float]:
        raise lab.Diverged("take another rate")

    monkeypatch.setattr(Odd, "evaluate", evaluate)
    assert "Before any training: the data, the environment, the network or its init" in failing(
        train, "odd"
    )


def images() -> lab.Dataset:
    inputs = np.random.default_rng(0).random((200, 1, 8, 8), dtype=np.float32)
    inputs[:, 0, 3, 3] = np.inf
    return lab.Dataset(inputs, np.arange(200) % 2, classes=("a", "b"))


def test_inputs_that_are_not_finite_name_their_source(train, monkeypatch) -> None:
    import sys
    from types import SimpleNamespace

    monkeypatch.setitem(sys.modules, "hot", SimpleNamespace(images=images))
    spec = lab.SourceSpec("hot-pixels", "images", load="hot:images")
    plugins = Plugins([*discover().all, Plugin("hot", "hot", "1", sources=[spec])])
    message = failing(train, "mlp", data="hot-pixels", hidden=(4,), budget=500, plugins=plugins)
    assert "hot-pixels" in message
    assert RATE not in message


# -- the watch


def watched(*seen: Any) -> str | None:
    watch = Watch()
    for number, obs in enumerate(seen):
        watch.see(obs, np.full(2, number))
    return watch.found


def test_the_first_value_is_named_with_its_place() -> None:
    good, bad = np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32)
    bad[1, 2] = np.nan
    assert watched(good, good) is None
    expected = "an observation[2] of nan after step 2 of an episode (environment 1)"
    assert watched(good, bad, -bad) == expected
    assert watched({"a": good, "b": {"c": good}}, {"a": good, "b": {"c": bad}}) == expected


def test_large_values_bits_and_pictures_are_no_trouble() -> None:
    assert watched(np.full((2, 3), 3e38, np.float32), np.full((2, 3), 255, np.uint8)) is None
    assert watched(np.full((2, 1), 2**62), np.ones((2, 1), bool)) is None
