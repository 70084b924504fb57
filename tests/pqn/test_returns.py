"""Lambda-returns equal what their definition adds up to, whatever ends the episodes, and however
the environments begin the next one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import worlds
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from pqn_tools import make_pqn, set_envs, table, train

from lab.environments import Envs
from lab_dqn.pqn import lambda_returns

MODES = list(AutoresetMode)
NUMBERS: dict[str, Any] = {"env": "worlds:worlds/Numbers-v0", "n_envs": 4, "hidden": (8,)}
TABLE: dict[str, Any] = {"hidden": (), "layer_norm": False, "n_envs": 4, "lr": 0.1,
                         "schedule": "constant", "epsilon_end": 1.0}  # fmt: skip


def mixed(steps: list[tuple[float, float, bool, bool]], gamma: float, lam: float) -> list[float]:
    """Return the lambda-returns of one environment's transitions (reward, max Q', terminated, done)
    in a row: of each, every n-step return to the end of its episode, or of what was played, mixed
    by (1 - lambda) lambda^(n - 1), the last with all the weight that is left. No recursion."""
    returns = []
    for start in range(len(steps)):
        n_step, rewards = [], 0.0
        for n, (reward, next_value, terminated, done) in enumerate(steps[start:]):
            rewards += gamma**n * reward
            n_step.append(rewards + (0.0 if terminated else gamma ** (n + 1) * next_value))
            if done:
                break
        *weights, last = (lam**n for n in range(len(n_step)))
        weights = [(1 - lam) * weight for weight in weights]
        returns.append(float(np.dot([*weights, last], n_step)))
    return returns


numbers = st.floats(-5, 5)
ends = st.sampled_from([(False, False), (False, False), (True, True), (False, True)])
episodes = st.lists(st.tuples(numbers, numbers, ends), min_size=1, max_size=12)
fractions = st.floats(0, 1)


def returns_of(rows: list[tuple[float, float, bool, bool]], gamma: float, lam: float) -> Any:
    columns = [np.array(column)[:, None] for column in zip(*rows, strict=True)]
    return lambda_returns(*columns, gamma, lam)[:, 0]


@settings(max_examples=80, deadline=None)
@given(steps=episodes, gamma=fractions, lam=fractions)
def test_lambda_returns_are_mixtures_of_all_n_step_returns(steps, gamma, lam) -> None:
    rows = [(reward, value, *end) for reward, value, end in steps]
    assert np.allclose(returns_of(rows, gamma, lam), mixed(rows, gamma, lam))


@settings(max_examples=40, deadline=None)
@given(steps=episodes, gamma=fractions)
def test_the_ends_of_lambda(steps, gamma) -> None:
    """0 is Q-learning's own target; 1 is Monte Carlo, with a bootstrap where an episode was cut."""
    rows = [(reward, value, *end) for reward, value, end in steps]
    one_step = [r + gamma * v * (not terminated) for r, v, terminated, _ in rows]
    assert np.allclose(returns_of(rows, gamma, 0.0), one_step)
    monte_carlo, following = [], 0.0
    for index in reversed(range(len(rows))):
        reward, value, terminated, done = rows[index]
        if done or index == len(rows) - 1:
            following = 0.0 if terminated else value
        monte_carlo.append(following := reward + gamma * following)
    assert np.allclose(returns_of(rows, gamma, 1.0), monte_carlo[::-1])


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("q_lambda", [0.0, 0.7, 1.0])
def test_what_is_learned_from_is_what_the_environments_did(mode, q_lambda) -> None:
    """Transitions are written down beside the algorithm, from `Step` alone."""
    pqn = make_pqn(**NUMBERS, n_steps=23, q_lambda=q_lambda)
    vector = SyncVectorEnv([worlds.Numbers] * 4, autoreset_mode=mode)
    envs = set_envs(pqn, Envs(vector)).envs
    seen: list[list[Any]] = [[] for _ in range(4)]
    step_of, at = envs.step, iter(range(23))

    def step(actions: Any) -> Any:
        obs, result, t = envs.obs, step_of(actions), next(at)
        best = pqn.q(result.next_obs).max(1)
        for i in np.flatnonzero(result.live):
            done = bool(result.terminated[i] or result.truncated[i])
            row = result.reward[i], best[i], bool(result.terminated[i]), done
            seen[i].append(((t, obs[i].tolist(), actions[i]), row))
        return result

    envs.step = step  # type: ignore[method-assign]
    batch = {
        name: v.reshape(23, 4, *v.shape[1:]) for name, v in pqn.batch(pqn.play_rollout()).items()
    }
    for i in range(4):
        expected = mixed([row for _, row in seen[i]], 0.99, q_lambda)
        learned = np.flatnonzero(batch["live"][:, i])
        assert [t for (t, _, _), _ in seen[i]] == learned.tolist()
        assert [obs for (_, obs, _), _ in seen[i]] == batch["obs"][learned, i, 0].tolist()
        assert [action for (_, _, action), _ in seen[i]] == batch["action"][learned, i].tolist()
        assert np.allclose(batch["target"][learned, i], expected, rtol=1e-5)


@pytest.mark.parametrize("q_lambda", [0.0, 0.9])
@pytest.mark.parametrize("world", ["Loop", *(f"Loop{mode.value}" for mode in MODES)])
def test_a_reward_of_one_for_ever_is_worth_five(world, q_lambda) -> None:
    """Time limits alone end these episodes. Were they ends, values would be 3.3 at most."""
    pqn = make_pqn(
        env=f"worlds:worlds/{world}-v0", gamma=0.8, n_steps=16, batch_size=64, n_epochs=8,
        q_lambda=q_lambda, **TABLE,
    )  # fmt: skip
    assert np.abs(table(train(pqn, 45), 3) - 5).max() < 0.1


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_the_chain_has_its_optimal_values(mode) -> None:
    """All actions are random, so one-step targets alone are those of the best policy."""
    pqn = make_pqn(
        env=f"worlds:worlds/Chain{mode.value}-v0", gamma=0.8, n_steps=16, batch_size=64,
        q_lambda=0.0, **{**TABLE, "lr": 0.03},
    )  # fmt: skip
    error = table(train(pqn, 100), 5) - worlds.optimal_q(worlds.chain(), 0.8)
    assert np.abs(error).max() < 0.02


def test_a_lost_life_ends_what_is_learned_and_rewards_are_their_signs() -> None:
    pqn = make_pqn(
        env="worlds:worlds/Arcade-v0", fire_reset=True, terminal_on_life_loss=True,
        clip_reward=True, n_envs=1, n_steps=12, hidden=(4,), gamma=0.5, q_lambda=1.0,
    )  # fmt: skip
    logged: list[Any] = []
    pqn.ctx.log = lambda name, value: logged.append((name, value))  # type: ignore[method-assign]
    target = pqn.batch(pqn.play_rollout())["target"]
    assert target.tolist() == [1.75, 1.5, 1.0] * 4
    assert [value for name, value in logged if name == "return"] == [30.0, 30.0]
