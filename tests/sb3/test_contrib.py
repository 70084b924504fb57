"""What sb3-contrib's algorithms need besides: masks, a memory, a population, and to be there."""

from __future__ import annotations

import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import worlds
from helpers import rows
from sb3_tools import learn, make_sb3

import lab
from lab.environments.masks import tell_mask
from lab.trained import use
from lab_sb3 import state
from lab_sb3.algorithms import ALGORITHMS, CONTRIB, load
from lab_sb3.player import Player

pytest.importorskip("sb3_contrib")

SHORT: dict[str, Any] = {"preset": "none", "budget": 128, "eval_every": 64, "log_every": 32,
                         "eval_episodes": 3, "test_episodes": 3, "hidden": (8,)}  # fmt: skip
MASKABLE: dict[str, Any] = {"algo": "maskable-ppo", "n_steps": 32, "batch_size": 32, "n_epochs": 1}
RECURRENT: dict[str, Any] = {"algo": "recurrent-ppo", "policy_args": {"lstm_hidden_size": 16}}


EXTRA = [algo for algo, known in ALGORITHMS.items() if known.module == CONTRIB]


@pytest.mark.parametrize("algo", EXTRA)
def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch, algo) -> None:
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    with pytest.raises(lab.UsageError) as refused:
        load(algo)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"--algo {algo} needs an extra: pip install 'rl-gen-lab[contrib]'")


# -- masks


class Whispering(worlds.Corridor):
    """Says what it allows by its method alone."""

    def action_masks(self) -> Any:
        return self._allowed().astype(bool)

    def _look(self) -> tuple[Any, dict[str, Any]]:
        return super()._look()[0], {}


class Shuttered(worlds.Corridor):
    """Draws itself."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 1}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert action in {0, 1, 2}, "as Taxi has it, an action can be looked up"
        return super().step(action)

    def render(self) -> Any:
        return np.zeros((8, 8, 3), np.uint8)


worlds.register("worlds/Whispering-v0", Whispering)
worlds.register("worlds/Shuttered-v0", Shuttered)


@pytest.mark.parametrize("env", ["worlds/Corridor-v0", "worlds/Whispering-v0"])
def test_forbidden_actions_are_never_taken(env) -> None:
    """The environment itself fails where one is."""
    sb3 = learn(make_sb3(**MASKABLE, env=env, n_envs=4, eval_episodes=3), 256)
    assert sb3.evaluate("eval")["return"] >= 4
    masks = sb3.model.rollout_buffer.action_masks.reshape(-1, 3)
    assert {tuple(mask) for mask in masks.tolist()} == {(0, 1, 0), (1, 0, 1)}


def test_a_run_keeps_to_the_mask_and_is_played(run_sb3) -> None:
    result = run_sb3(**SHORT, **MASKABLE, env="worlds/Shuttered-v0")
    assert use(result.dir, "play").frames
    agent = lab.load(result.dir)
    mask = np.array([[0, 0, 1], [0, 1, 0]], bool)
    assert agent.predict(np.zeros((2, 3)), action_mask=mask).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("space", "alternatives"),
    [(gym.spaces.Discrete(3), 3), (gym.spaces.MultiDiscrete([2, 3]), 5),
     (gym.spaces.MultiBinary(4), 8)],
)  # fmt: skip
def test_a_mask_has_one_entry_for_each_alternative(space, alternatives) -> None:
    sb3 = make_sb3(env="worlds/Corridor-v0", **MASKABLE, n_envs=2)
    vec_env = sb3.vec_env
    vec_env.action_space = space
    vec_env.envs.action_mask = None
    assert np.array(vec_env.env_method("action_masks")).tolist() == 2 * [alternatives * [True]]
    vec_env.envs.action_mask = np.ones((2, alternatives + 1), bool)
    with pytest.raises(lab.LabError, match="one entry for each"):
        vec_env.action_masks()


def test_an_environment_that_allows_everything_is_told_of() -> None:
    said: list[str] = []
    sb3 = make_sb3(**MASKABLE, warn=said.append)
    assert "says neither by info['action_mask'] nor by action_masks()" in said[0]
    learn(sb3, 32)
    assert sb3.model.rollout_buffer.action_masks.all()


def test_others_take_no_mask() -> None:
    sb3 = make_sb3(n_steps=8)
    with pytest.raises(lab.UsageError, match="ppo takes no action_mask"):
        sb3.predict(np.zeros((1, 4)), action_mask=np.ones((1, 2)))


def test_an_environment_without_the_method_is_left_as_it_is() -> None:
    env = worlds.Corridor()
    assert tell_mask(env) is env


# -- a memory


def test_a_side_that_was_seen_once_is_remembered(run_sb3) -> None:
    """Without a state from step to step, in training or in evaluation, the mean return is 1/2; a
    state that outlives its episode does not reach 1 either."""
    result = run_sb3(
        env="worlds:worlds/Recall-v0", preset="none", budget=3_072, n_envs=8, n_steps=48,
        batch_size=96, n_epochs=10, lr=5e-3, hidden=(), eval_every=3_072, eval_episodes=16,
        test_episodes=32, gamma=0.9, **RECURRENT,
    )  # fmt: skip
    assert result.objective == 1.0
    assert result.summary["test"]["test/return"] == 1.0


def test_an_episode_begins_with_an_empty_memory() -> None:
    sb3 = make_sb3(**RECURRENT, n_envs=2, n_steps=8)
    obs = np.random.default_rng(0).normal(size=(6, 2, 4)).astype(np.float32)
    player, fresh = Player(sb3.model), Player(sb3.model)
    for t in range(4):
        player.act(obs[t])
    before = player.state[0].copy()
    player.act(obs[4], episode_starts=np.array([False, True]))
    fresh.act(obs[4])
    np.testing.assert_allclose(player.state[0][:, 1], fresh.state[0][:, 1], atol=1e-6)
    assert np.abs(player.state[0][:, 0] - fresh.state[0][:, 0]).max() > 1e-4
    assert np.abs(before).max() > 0


def test_a_state_of_episodes_that_began_anew_is_forgotten() -> None:
    sb3 = learn(make_sb3(**RECURRENT, n_envs=2, n_steps=8, batch_size=8), 48)
    saved = sb3.state_dict()
    state.load_loop_state(sb3.model, saved, restarted=False)
    assert sb3.model._last_episode_starts.tolist() == saved["lstm"]["episode_starts"]
    assert not all(saved["lstm"]["episode_starts"]), "a rollout ends in the middle of episodes"
    state.load_loop_state(sb3.model, saved, restarted=True)
    assert sb3.model._last_episode_starts.tolist() == [True, True]


@pytest.mark.parametrize(
    ("env", "policy"),
    [("CartPole-v1", "MlpLstmPolicy"), ("lab/Catch-v0", "CnnLstmPolicy"),
     ("worlds/Mission-v0", "MultiInputLstmPolicy")],
)  # fmt: skip
def test_each_policy_with_a_memory(env, policy) -> None:
    sb3 = make_sb3(**RECURRENT, env=env, n_steps=8)
    assert isinstance(sb3.model.policy, type(sb3.model).policy_aliases[policy])


def test_an_export_is_what_sb3_contrib_itself_loads(run_sb3) -> None:
    import sb3_contrib

    result = run_sb3(**SHORT, **RECURRENT, n_steps=32, batch_size=32, n_epochs=1)
    theirs = sb3_contrib.RecurrentPPO.load(use(result.dir, "export"), device="cpu")
    ours = lab.load(result.dir)
    obs = ours.example(9)
    np.testing.assert_array_equal(theirs.predict(obs, deterministic=True)[0], ours.predict(obs))


# -- a population


def test_a_population_learns(run_sb3) -> None:
    """A linear policy balances the pole after few updates (Mania et al., 2018)."""
    result = run_sb3(
        algo="ars", policy="LinearPolicy", preset="none", budget=4_000, eval_every=2_000,
        eval_episodes=5, test_episodes=5, max_episode_steps=200,
    )  # fmt: skip
    assert result.objective > 100
    assert "train/return_std" in {name for row in rows(result.dir) for name in row}


def test_a_population_plays_one_episode_after_another() -> None:
    with pytest.raises(ValueError, match="--n-envs 1"):
        make_sb3(algo="ars", n_envs=2)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"algo": "tqc"}, "tqc on CartPole-v1: "),
        ({"algo": "qrdqn", "env": "Pendulum-v1"}, "qrdqn on Pendulum-v1: "),
        ({"algo": "qrdqn", "policy_args": {"quantiles": 5}}, "quantiles"),
        ({"algo": "crossq", "env": "Pendulum-v1", "policy": "CnnPolicy"}, "CnnPolicy"),
        ({"algo": "ars", "gamma": 0.9}, "ars has no --gamma."),
    ],
    ids=str,
)
def test_what_does_not_fit_is_a_plain_error(options, expected) -> None:
    with pytest.raises(lab.UsageError, match=expected):
        make_sb3(**options)
