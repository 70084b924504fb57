"""In worlds whose optimal values are known, DQN learns those values.

The networks are tables (a linear layer on one-hot states), so nothing is lost in approximation, and
all actions are random, so every state is seen. What remains is the arithmetic of the targets.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import worlds
from dqn_tools import make_dqn, set_envs, table, train
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from lab.environments import Envs

GAMMA = 0.8
TABLE: dict[str, Any] = {
    "hidden": (),
    "gamma": GAMMA,
    "loss": "mse",
    "clip_norm": None,
    "lr": 0.02,
    "batch_size": 32,
    "learning_starts": 64,
    "train_freq": 16,
    "gradient_steps": 20,
    "target_update_interval": 40,
    "epsilon_end": 1.0,
}
TOLERANCE = 0.02
MODES = [mode.value for mode in AutoresetMode]


def learned(world: str, states: int, env_steps: int = 960, **options: Any) -> np.ndarray:
    dqn = make_dqn(env=f"worlds:worlds/{world}-v0", **{**TABLE, **options})
    return table(train(dqn, env_steps), states).numpy()


@pytest.mark.parametrize("n_envs", [1, 4])
def test_the_chain_has_its_optimal_values(n_envs) -> None:
    """Right means gamma ** (steps to the end); a terminal state that bootstraps would add 0.6."""
    expected = worlds.optimal_q(worlds.chain(), GAMMA)
    assert expected[4, 1] == 1.0
    assert expected[0, 1] == pytest.approx(GAMMA**4)
    q = learned("Chain", 5, n_envs=n_envs)
    assert np.abs(q - expected).max() < TOLERANCE


@pytest.mark.parametrize("mode", MODES)
def test_the_chain_has_its_optimal_values_in_every_native_autoreset_mode(mode) -> None:
    """A NEXT_STEP tick that were learned from would say that the end leads on to the start."""
    q = learned(f"Chain{mode}", 5, n_envs=4)
    assert np.abs(q - worlds.optimal_q(worlds.chain(), GAMMA)).max() < TOLERANCE


@pytest.mark.parametrize("n_envs", [1, 4])
def test_a_loop_that_is_only_ever_cut_off_is_worth_its_infinite_sum(n_envs) -> None:
    """Q* = 1 / (1 - gamma) = 5. If a truncation were a termination it would be 3.3 at most."""
    q = learned("Loop", 3, n_envs=n_envs)
    assert np.abs(q - 5.0).max() < TOLERANCE


@pytest.mark.parametrize("n_step", [1, 3])
@pytest.mark.parametrize("mode", MODES)
def test_the_loop_is_worth_the_same_in_every_native_autoreset_mode(mode, n_step) -> None:
    q = learned(f"Loop{mode}", 3, n_envs=4, n_step=n_step)
    assert np.abs(q - 5.0).max() < TOLERANCE


@pytest.mark.parametrize("world", ["Loop", f"Loop{MODES[0]}"])
def test_a_time_limit_of_the_person_s_own_is_no_end_either(world) -> None:
    """Every transition is the last of its episode, and none loses its bootstrap."""
    dqn = make_dqn(env=f"worlds:worlds/{world}-v0", max_episode_steps=1, n_envs=4, **TABLE)
    train(dqn, 960)
    batch = dqn.memory.sample(1, 64, dqn.ctx.rng, 1.0)
    assert (batch["discount"] == GAMMA).all()


@pytest.mark.parametrize("n_envs", [1, 4])
@pytest.mark.parametrize("n_step", [2, 3, 7])
def test_n_step_returns_have_the_same_values(n_step, n_envs) -> None:
    """Windows that end early, at a termination, discount by the steps they really span."""
    world = worlds.conveyor()
    expected = worlds.optimal_q(world, GAMMA)
    assert expected[3, 0] == pytest.approx(4 + GAMMA * 5)
    q = learned("Conveyor", 5, n_envs=n_envs, n_step=n_step)
    assert np.abs(q - expected).max() < 0.01 * expected.max()


@pytest.mark.parametrize(
    "options",
    [
        {"double": True},
        {"dueling": True},
        {"prioritized": True},
        {"tau": 0.2, "target_update_interval": 8},
        {"target_network": False, "lr": 0.01},
        {"double": True, "dueling": True, "prioritized": True, "hidden": (32,), "lr": 0.01},
    ],
    ids=str,
)
def test_every_variant_learns_the_same_values(options) -> None:
    q = learned("Chain", 5, n_envs=4, **options)
    assert np.abs(q - worlds.optimal_q(worlds.chain(), GAMMA)).max() < TOLERANCE


class Lottery(gym.Env):
    """One step, and a reward of 1 in one of ten times."""

    observation_space = gym.spaces.Discrete(1)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return np.int64(0), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.int64(0), float(self.np_random.random() < 0.1), True, False, {}


@pytest.mark.parametrize(("beta", "expected"), [(1.0, 0.1), (0.0, 0.23)])
def test_importance_weights_keep_prioritized_replay_unbiased(beta, expected) -> None:
    """The mean reward is 0.1; the rare large errors, sampled more often, pull it up to 0.23 where
    nothing undoes that."""
    options = {**TABLE, "lr": 0.002, "batch_size": 64, "n_envs": 4, "budget": 10**9}
    options |= {"prioritized": True, "priority_alpha": 1.0, "priority_beta": beta}
    dqn = make_dqn(env="worlds:worlds/Loop-v0", **options)  # has such states and actions
    set_envs(dqn, Envs(SyncVectorEnv([Lottery] * 4, autoreset_mode=AutoresetMode.SAME_STEP)))
    train(dqn, 800)
    assert table(dqn, 1).mean().item() == pytest.approx(expected, abs=0.04)


def test_the_grid_world_has_its_optimal_values_and_is_walked_so() -> None:
    """Pit, walls and goal; episodes that wander are cut off after 100 steps. What evaluation
    measures is then the optimal value of the start states that it drew."""
    options = {**TABLE, "n_envs": 4, "batch_size": 256, "train_freq": 40, "gradient_steps": 10}
    dqn = train(make_dqn(env="lab/Grid-v0", **{**options, "target_update_interval": 50}), 6_000)
    grid = dqn.ctx.make_env("lab/Grid-v0").unwrapped
    error = table(dqn, len(grid.cells)).numpy() - grid.optimal_q(GAMMA)
    assert np.abs(error[grid.starts]).max() < TOLERANCE  # the others are terminal
    metrics = dqn.evaluate("eval")
    assert metrics["discounted_return"] == pytest.approx(metrics["q_start"], abs=TOLERANCE)


def test_a_state_with_both_flags_is_terminal() -> None:
    class TerminatedAndTruncated(worlds.WorldEnv):
        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            obs, reward, terminated, _, info = super().step(action)
            return obs, reward, terminated, terminated, info

    dqn = make_dqn(env="worlds:worlds/Chain-v0", **TABLE)
    make = lambda: TerminatedAndTruncated(worlds.chain())  # noqa: E731
    set_envs(dqn, Envs(SyncVectorEnv([make], autoreset_mode=AutoresetMode.SAME_STEP)))
    q = table(train(dqn, 960), 5).numpy()
    assert np.abs(q - worlds.optimal_q(worlds.chain(), GAMMA)).max() < TOLERANCE


def test_a_table_is_what_the_network_is() -> None:
    dqn = make_dqn(env="worlds:worlds/Chain-v0", hidden=())
    shapes = {name: tuple(p.shape) for name, p in dqn.online.named_parameters()}
    assert shapes == {"advantage.weight": (2, 5), "advantage.bias": (2,)}
    assert dqn.online.prepare(torch.tensor([[3]])).tolist() == [[[0, 0, 0, 1, 0]]]
