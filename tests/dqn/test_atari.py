"""Each part of Atari's protocol does what it says, in a game of which everything is known."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import worlds
from dqn_tools import make_dqn, rows

import lab
from lab_dqn.atari import FireReset
from lab_dqn.config import ATARI, Config
from lab_dqn.exploration import nearly_greedy

GAME: dict[str, Any] = {
    "env": "worlds:worlds/Arcade-v0",
    "hidden": (4,),
    "fire_reset": True,
    "gamma": 0.5,
}


def test_fire_is_pressed_at_the_start_and_after_each_lost_life() -> None:
    game = worlds.Arcade(lives=2)
    env = FireReset(game)
    env.reset(seed=0)
    rewards, over = [], False
    while not over:
        _, reward, over, _, _ = env.step(2)
        rewards.append(reward)
    assert rewards == [5.0] * 6  # none is lost by waiting
    assert game.pressed == [1, 2, 2, 2, 1, 2, 2, 2]


def test_games_without_the_button_are_left_alone() -> None:
    env = FireReset(gym.make("CartPole-v1"))
    env.reset(seed=0)
    assert env.step(0)[0].shape == (4,)


def play(**options):
    dqn = make_dqn(**GAME, train_freq=12, learning_starts=10_000, **options)
    logged = []
    dqn.ctx.log = lambda name, value: logged.append((name, value))  # type: ignore[method-assign]
    dqn.play_rollout()
    return dqn, [value for name, value in logged if name == "return"]


def test_a_lost_life_ends_what_is_learned_and_not_the_game() -> None:
    dqn, returns = play(terminal_on_life_loss=True)
    assert returns == [30.0, 30.0]  # two games of two lives
    held = rows(dqn.memory)
    assert [row.discount for row in held] == [0.5, 0.5, 0.0] * 4
    _, returns = play()
    assert returns == [30.0, 30.0]


def test_without_it_the_last_life_alone_is_an_end() -> None:
    dqn, _ = play()
    assert [row.discount for row in rows(dqn.memory)] == [0.5] * 5 + [0.0] + [0.5] * 5 + [0.0]


def test_rewards_are_clipped_for_learning_and_returns_are_raw() -> None:
    dqn, returns = play(clip_reward=True)
    assert {row.reward for row in rows(dqn.memory)} == {1.0}
    assert returns == [30.0, 30.0]
    assert dqn.evaluate("eval")["return"] == 30.0


def test_evaluation_takes_some_random_actions() -> None:
    values = np.tile([0.0, 1.0, 0.0, 0.0], (100_000, 1))
    act = nearly_greedy(lambda obs: values, 0.2, np.random.default_rng(0))
    assert (act(values) != 1).mean() == pytest.approx(0.2 * 3 / 4, abs=0.01)
    assert (nearly_greedy(lambda obs: values, 0.0, np.random.default_rng(0))(values) == 1).all()


def test_each_part_is_an_option_of_its_own() -> None:
    def parts(**options: Any) -> list[Any]:
        return [getattr(Config(**options), name) for name in ATARI]

    assert parts() == [0, False, False, False, 0.0]
    assert parts(atari=True) == [30, True, True, True, 0.05]
    assert parts(atari=True, clip_reward=False, eval_epsilon=0.0) == [30, True, False, True, 0.0]
    with pytest.raises(lab.UsageError, match="--noop-max is a part of --atari"):
        lab.run("dqn", noop_max=3, wandb="disabled")
