"""One environment, stepped by itself, gives what gymnasium's SyncVectorEnv gives."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import worlds
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from lab import LabError
from lab.environments import Envs, make_envs
from lab.environments.single import SingleEnv


class Masked(gym.Wrapper[Any, Any, Any, Any]):
    """Adds an array, a number and a word to info."""

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        obs, info = self.env.reset(**options)
        return obs, {**info, "action_mask": np.array([True, False]), "lives": 3}

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        obs, *rest, info = self.env.step(action)
        return obs, *rest, {**info, "action_mask": np.array([True, True]), "word": "going"}


MAKERS = {
    "CartPole": lambda: gym.make("CartPole-v1", max_episode_steps=20),
    "Pendulum": lambda: gym.make("Pendulum-v1", max_episode_steps=7),
    "FrozenLake": lambda: gym.make("FrozenLake-v1"),
    "with info": lambda: Masked(gym.make("CartPole-v1")),
}


def told(values: tuple[Any, ...]) -> Any:
    """Return what a step told, as plain values: both vectors use their arrays again."""
    *arrays, info = values
    finals = [np.array(obs).tolist() for obs in info.get("final_obs", ())]
    rest = {key: np.array(value).tolist() for key, value in info.items() if "final" not in key}
    return [array.tolist() for array in arrays], finals, rest, sorted(info)


@pytest.mark.parametrize("name", MAKERS)
def test_it_steps_as_a_vector_of_one(name) -> None:
    one = SingleEnv(MAKERS[name]())
    other = SyncVectorEnv([MAKERS[name]], copy=False, autoreset_mode=AutoresetMode.SAME_STEP)
    assert np.array_equal(one.reset(seed=5)[0], other.reset(seed=5)[0])
    one.action_space.seed(0)
    episodes = 0
    for _ in range(120):
        action = one.action_space.sample()
        mine, theirs = one.step(action), other.step(action)
        assert told(mine) == told(theirs)
        assert [part.dtype for part in mine[:4]] == [part.dtype for part in theirs[:4]]
        episodes += "final_obs" in mine[4]
    assert episodes >= 2


def test_it_goes_on_from_a_saved_state() -> None:
    first, second = make_envs("CartPole-v1", 1), make_envs("CartPole-v1", 1)
    assert isinstance(first.vector, SingleEnv)
    first.reset(seed=1)
    second.reset(seed=2)
    actions = np.random.default_rng(0).integers(2, size=(100, 1))
    for action in actions[:50]:
        first.step(action)
    second.load_state_dict(first.state_dict())
    for action in actions:
        mine, other = first.step(action), second.step(action)
        assert all(np.array_equal(a, b) for a, b in zip(mine[:7], other[:7], strict=True))


def test_an_observation_of_another_shape_is_an_error() -> None:
    class Wrong(worlds.Numbers):
        def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
            return np.zeros(9), 0.0, False, False, {}

    envs = Envs(SingleEnv(Wrong()), name="Wrong")
    envs.reset(seed=0)
    with pytest.raises(LabError, match=r"--env Wrong: its step raised .*\(9,\)"):
        envs.step(np.zeros(1, int))


def test_spaces_of_parts_are_left_to_gymnasium() -> None:
    class Parts(gym.Env[Any, Any]):
        observation_space = gym.spaces.Dict(a=gym.spaces.Discrete(2))
        action_space = gym.spaces.Discrete(2)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, Any]:
            return {"a": 0}, {}

        def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
            return {"a": 1}, 0.0, False, False, {}

    gym.register("tests/Parts-v0", lambda: Parts())
    try:
        envs = make_envs("tests/Parts-v0", 1)
        assert not isinstance(envs.vector, SingleEnv)
        envs.reset(seed=0)
        assert envs.step(np.zeros(1, int)).next_obs["a"].tolist() == [1]
    finally:
        gym.registry.pop("tests/Parts-v0")
