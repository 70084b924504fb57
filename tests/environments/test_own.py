"""Anybody's environment: its wrappers, the spaces that networks take, newcomers' mistakes."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import worlds
from click.testing import CliRunner
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv

import lab
from lab.cli import main
from lab.environments import (
    EnvConfig,
    as_observations,
    count_from_zero,
    flatten_observation,
    flatten_parts,
    starts,
)
from lab.environments.check import check_contract
from lab.environments.make import is_exact, make_env, make_envs, notes
from lab.environments.wrap import named_wrappers
from lab.option_text import parse

BOX = spaces.Box(-1, 1, (2, 3), np.float32)


class Shows(gym.Env):
    """Shows samples of a space, the same in every episode."""

    action_space = spaces.Discrete(2)

    def __init__(self, space: spaces.Space[Any]) -> None:
        self.observation_space = copy.deepcopy(space)  # it draws by itself

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.observation_space.seed(0)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), 0.0, False, False, {}


# -- spaces


@pytest.mark.parametrize(
    "space",
    [
        spaces.Dict({"b": BOX, "a": spaces.Discrete(3, start=2)}),
        spaces.Tuple((spaces.MultiBinary((2, 2)), BOX)),
        spaces.Dict({"deep": spaces.Dict({"z": BOX, "y": spaces.Tuple((spaces.Discrete(2), BOX))}),
                     "bytes": spaces.Box(0, 255, (3, 3, 1), np.uint8)}),
        spaces.MultiDiscrete([2, 3], start=[1, -1]),
        spaces.MultiBinary(3),
    ],
    ids=str,
)  # fmt: skip
def test_flat_observations_are_those_of_gymnasium(space) -> None:
    env, plain = flatten_observation(Shows(space)), Shows(space)
    assert env.observation_space == spaces.flatten_space(space)
    for shown, truth in [(env.reset()[0], plain.reset()[0]), (env.step(0)[0], plain.step(0)[0])]:
        np.testing.assert_array_equal(shown, spaces.flatten(space, truth))
        assert env.observation_space.contains(shown)


@pytest.mark.parametrize("text", [spaces.Text(9), worlds.Words()], ids=["Text", "another"])
def test_texts_are_left_out_and_told(text) -> None:
    rest = {"box": BOX, "inner": spaces.Dict({"n": spaces.Discrete(3)})}
    space = spaces.Dict({**rest, "inner": spaces.Dict({"n": spaces.Discrete(3), "word": text})})
    env, plain, without = flatten_observation(Shows(space)), Shows(space), spaces.Dict(rest)
    assert env.observation_space == spaces.flatten_space(without)
    shown, truth = env.reset()[0], plain.reset()[0]
    truth["inner"].pop("word")
    np.testing.assert_array_equal(shown, spaces.flatten(without, truth))
    (note,) = notes(env)
    assert "9 numbers" in note
    assert "['inner']['word']" in note
    assert "\n" not in note


def test_parts_that_networks_read_stay_parts() -> None:
    space = spaces.Dict(
        {"box": BOX, "pair": spaces.Tuple((BOX, spaces.Discrete(2))), "word": spaces.Text(5)}
    )
    env = flatten_parts(Shows(space), lambda part: isinstance(part, spaces.Box))
    plain = Shows(space)
    assert isinstance(env.observation_space, spaces.Dict)
    assert set(env.observation_space.spaces) == {"box", "pair"}
    shown, truth = env.reset()[0], plain.reset()[0]
    np.testing.assert_array_equal(shown["box"], truth["box"])
    np.testing.assert_array_equal(shown["pair"], spaces.flatten(space["pair"], truth["pair"]))
    assert env.observation_space.contains(shown)


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (spaces.Dict({"x": spaces.Sequence(BOX)}), "no fixed size"),
        (spaces.Dict({"x": spaces.Discrete(10**9)}), "1,000,000,000 numbers"),
        (spaces.Dict({"x": spaces.Text(3)}), "0 numbers"),
    ],
    ids=str,
)
def test_what_has_no_fixed_size_is_refused(space, expected) -> None:
    with pytest.raises(lab.UsageError, match=expected):
        flatten_observation(Shows(space))


def test_counts_from_elsewhere_reach_the_environment_as_its_own() -> None:
    env = count_from_zero(gym.make("worlds/Street-v0", houses=4, start=7))
    assert (env.observation_space, env.action_space) == (spaces.Discrete(4), spaces.Discrete(3))
    assert starts(env) == (7, -1)
    seen = {int(env.reset(seed=0)[0])}
    rewards = []
    for action in (0, 1, 2) * 2:  # the environment itself fails at an action that it has not
        obs, reward, *_ = env.step(np.int64(action))
        seen.add(int(obs))
        rewards.append(reward)
    assert seen <= {0, 1, 2, 3}
    assert rewards == [0, 0, 1] * 2, "action 1 is the last of -1, 0 and 1"


def test_several_counts_are_shifted_each_by_its_own() -> None:
    space = spaces.MultiDiscrete([2, 3], start=[5, -2])
    env = count_from_zero(Shows(space))
    assert env.observation_space == spaces.MultiDiscrete([2, 3])
    assert env.observation_space.contains(env.reset()[0])
    assert starts(env) == ([5, -2], 0)


def test_an_ordinary_environment_stays_as_it_is_and_native() -> None:
    plain = gym.make("CartPole-v1")
    assert count_from_zero(flatten_observation(plain)) is plain
    fitting = (flatten_observation, count_from_zero)
    assert not isinstance(make_envs("CartPole-v1", 4, wrappers=fitting).vector, SyncVectorEnv)
    changing = (*fitting, gym.wrappers.TimeAwareObservation)
    assert isinstance(make_envs("CartPole-v1", 4, wrappers=changing).vector, SyncVectorEnv)


@pytest.mark.parametrize("env_id", ["worlds/Mission-v0", "worlds/Street-v0"])
def test_fitted_environments_resume_exactly(env_id) -> None:
    wrappers = (flatten_observation, count_from_zero)
    assert is_exact(lambda: make_envs(env_id, 2, wrappers=wrappers))


# -- wrappers by name


def test_named_wrappers_are_worn_in_order_with_their_arguments() -> None:
    names = ("TimeAwareObservation", "worlds:Bonus(by=0.5)", "ClipReward(max_reward=1.25)",
             "RescaleAction(min_action=-1,max_action=1)")  # fmt: skip
    env = make_env("Pendulum-v1", wrappers=named_wrappers(names))
    truth: gym.Env = gym.make("Pendulum-v1")
    truth = gym.wrappers.ClipReward(
        worlds.Bonus(gym.wrappers.TimeAwareObservation(truth), by=0.5), max_reward=1.25
    )
    truth = gym.wrappers.RescaleAction(truth, np.float32(-1), np.float32(1))
    assert env.action_space == truth.action_space
    np.testing.assert_array_equal(env.reset(seed=3)[0], truth.reset(seed=3)[0])
    for action in np.linspace(-1, 1, 5, dtype=np.float32)[:, None]:
        ours, theirs = env.step(action), truth.step(action)
        np.testing.assert_array_equal(ours[0], theirs[0])
        assert ours[1:4] == theirs[1:4]


def test_a_wrapper_may_lie_in_a_file_of_any_folder(tmp_path) -> None:
    place = tmp_path / "my wrappers-2" / "one_more_wrapper.py"
    place.parent.mkdir()
    place.write_text("import gymnasium as gym\nclass Same(gym.Wrapper):\n    pass\n")
    (wrap,) = named_wrappers([f"{place}:Same"])
    assert type(wrap(gym.make("CartPole-v1"))).__name__ == "Same"


@pytest.mark.parametrize("name", ["NormalizeReward", "gymnasium.wrappers:NormalizeReward"])
def test_wrappers_that_learn_are_refused_under_any_name(name) -> None:
    with pytest.raises(lab.UsageError, match="learns its statistics"):
        named_wrappers([name])


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([[1.0, np.nan]], {"shape": (2,)}, "finite"),
        ([[1.0, np.inf]], {"shape": (2,)}, "finite"),
        (["a"], {"shape": ()}, "are numbers"),
        ([[1, 2], [1]], {"shape": (2,)}, "no array"),
        ([[1, 2, 3]], {"shape": (2,)}, r"are \[B, 2\]; these are \[1, 3\]"),
        (3.0, {"shape": ()}, r"are \[B\]; these are \[\]"),
        ([16], {"shape": (), "states": 16}, "whole numbers from 0 to 15"),
        ([-1], {"shape": (), "states": 16}, "whole numbers from 0 to 15"),
        ([2.5], {"shape": (), "states": 16}, "whole numbers from 0 to 15"),
        ([0], {"shape": (), "states": 3, "first_state": 1}, "whole numbers from 1 to 3"),
    ],
)
def test_observations_that_cannot_be_are_refused(values, options, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        as_observations(values, **options)


def test_observations_come_as_they_are() -> None:
    assert as_observations([[1.5, 2.0]], (2,)).tolist() == [[1.5, 2.0]]
    states = as_observations([1.0, 3.0], (), states=3, first_state=1)
    assert states.tolist() == [1, 3]
    assert states.dtype == np.int64


def test_the_option_is_given_once_for_each_wrapper() -> None:
    read = parse(EnvConfig, "wrap", ("A(x=1,y=2)", "b:C"))
    assert read == ("A(x=1,y=2)", "b:C")
    assert parse(EnvConfig, "wrap", "A(x=1,y=2)") == ("A(x=1,y=2)",)
    assert parse(EnvConfig, "wrap", "") == ()


def test_the_command_line_repeats_it(tmp_path) -> None:
    words = ["run", "dqn", "--env", "worlds:worlds/Street-v0", "--budget", "8", "--wandb",
             "disabled", "--no-media", "--eval-episodes", "1", "--test-episodes", "2",
             "--runs-dir", str(tmp_path), "--name", "x", "--wrap", "worlds:Bonus(by=2)",
             "--wrap", "ClipReward(min_reward=0,max_reward=2.5)"]  # fmt: skip
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    (run,) = lab.runs(tmp_path)
    wrap = ["worlds:Bonus(by=2)", "ClipReward(min_reward=0,max_reward=2.5)"]
    assert list(run.record["config"]["wrap"]) == wrap


# -- mistakes


class Mistaken(gym.Env):
    """An environment with one mistake."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, reset: Any = None, step: Any = None, space: Any = None) -> None:
        right = np.zeros(2, np.float32)
        self.returned = (right, {}) if reset is None else reset
        self.stepped = (right, 0.0, False, False, {}) if step is None else step
        self.observation_space = space or self.observation_space

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return self.returned

    def step(self, action: Any) -> Any:
        return self.stepped


class Old(gym.Env):
    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self) -> Any:  # type: ignore[override]
        return np.zeros(2, np.float32)


worlds.register("own/Mistaken-v0", Mistaken)
worlds.register("own/Old-v0", Old)
ZERO = np.zeros(2, np.float32)
DICT = spaces.Dict({"a": BOX})
MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "reset without info": ({"reset": ZERO}, r"reset returns an array of shape \(2,\).*info"),
    "reset of nothing": ({"reset": (None, {})}, "reset shows .*observation_space says"),
    "info is a number": ({"reset": (ZERO, 1)}, "as info"),
    "four values": ({"step": (ZERO, 0.0, False, {})}, "step returns 4 values.*truncated, info"),
    "nothing": ({"step": 0}, "step returns int 0"),
    "a reward in an array": ({"step": (ZERO, np.zeros(1), False, False, {})}, "as the reward"),
    "a text as reward": ({"step": (ZERO, "1", False, False, {})}, "as the reward"),
    "ends in an array": ({"step": (ZERO, 0.0, np.zeros(3, bool), False, {})}, "as terminated"),
    "no end": ({"step": (ZERO, 0.0, False, None, {})}, "as truncated"),
    "a wrong shape": ({"step": (np.zeros(3), 0.0, False, False, {})}, r"step shows shape \(3,\)"),
    "a wrong kind": ({"reset": (np.zeros(2), {}), "space": spaces.Box(0, 9, (2,), np.uint8)},
                     "float64.*uint8"),
    "uneven lists": ({"reset": ([[1], [1, 2]], {})}, "shape"),
    "outside of Discrete": ({"reset": (7, {}), "space": spaces.Discrete(5)}, "int 7.*Discrete"),
    "Discrete as an array": ({"reset": (np.array([1]), {}), "space": spaces.Discrete(5)},
                             "an array.*Discrete"),
    "no dict": ({"reset": (ZERO, {}), "space": DICT}, "a dict of"),
    "other keys": ({"reset": ({"b": 1}, {}), "space": DICT}, r"keys \['b'\]"),
    "no tuple": ({"reset": (ZERO, {}), "space": spaces.Tuple((BOX,))}, "a tuple of 1"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_an_environment_is_a_plain_line_that_names_it(case) -> None:
    kwargs, expected = MISTAKES[case]
    env = make_env("own/Mistaken-v0", **kwargs)
    with pytest.raises(lab.UsageError, match=expected) as raised:
        check_contract(env)
    assert str(raised.value).startswith("--env own/Mistaken-v0: ")
    assert "Gymnasium expects" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_reset_without_a_seed_is_told() -> None:
    with pytest.raises(lab.UsageError, match=r"def reset\(self, \*, seed=None, options=None\)"):
        check_contract(make_env("own/Old-v0"))


def test_what_is_converted_or_out_of_bounds_is_told_once() -> None:
    doubles = np.array([0.5, 3.0])
    env = make_env("own/Mistaken-v0", reset=(doubles, {}), step=(doubles, 0, False, False, {}))
    said = check_contract(env)
    assert len(said) == len(set(said)) == 4, "reset and step, each its kind and its bounds"
    assert all(line.startswith("--env own/Mistaken-v0: its ") for line in said)
    assert ["float64" in line for line in said].count(True) == 2
    assert ["shows 3, outside" in line for line in said].count(True) == 2


@pytest.mark.parametrize("env_id", ["CartPole-v1", "FrozenLake-v1", "Pendulum-v1", "lab/Catch-v0",
                                    "worlds/Mission-v0", "worlds/Street-v0"])  # fmt: skip
def test_nothing_is_said_of_what_keeps_the_contract(env_id) -> None:
    from lab.plugins import discover

    lab.env_spec(env_id, discover())
    assert check_contract(make_env(env_id)) == []


def test_failures_of_the_environment_s_own_are_left_to_training() -> None:
    assert check_contract(make_env("worlds/Broken-v0")) == []
