"""Advantages equal what their definition adds up to, whatever ends the episodes, and however the
environments begin the next one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import worlds
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from pg_tools import make_pg, set_envs, train

from lab.environments import Envs
from lab_pg.advantages import explained_variance, gae

MODES = list(AutoresetMode)
NUMBERS: dict[str, Any] = {"env": "worlds:worlds/Numbers-v0", "n_envs": 4, "hidden": (8,)}


def added_up(steps: list[tuple[float, float, float, bool, bool]], gamma: float, lam: float) -> Any:
    """Return the advantages of one environment's transitions (reward, V, V', terminated, done) in a
    row, each by the sum of equation 16: no recursion, nothing shared between them."""
    advantages = []
    for start in range(len(steps)):
        total, weight = 0.0, 1.0
        for reward, value, next_value, terminated, done in steps[start:]:
            total += weight * (reward + (0.0 if terminated else gamma * next_value) - value)
            weight *= gamma * lam
            if done:
                break
        advantages.append(total)
    return advantages


numbers = st.floats(-5, 5)
ends = st.sampled_from([(False, False), (False, False), (True, True), (False, True)])


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(numbers, numbers, numbers, ends), min_size=1, max_size=12),
    gamma=st.floats(0, 1),
    lam=st.floats(0, 1),
)
def test_advantages_are_the_sums_of_their_definition(steps, gamma, lam) -> None:
    rows = [(r, v, n, *end) for r, v, n, end in steps]
    reward, value, next_value, terminated, done = (
        np.array(c)[:, None] for c in zip(*rows, strict=True)
    )
    got = gae(reward, value, next_value, terminated, done, gamma, lam)
    assert np.allclose(got[:, 0], added_up(rows, gamma, lam))


def test_monte_carlo_returns_of_a_whole_episode() -> None:
    reward = np.array([[1.0], [2.0], [4.0]])
    zero, last = np.zeros((3, 1)), np.array([[False], [False], [True]])
    assert gae(reward, zero, zero, last, last, 0.5, 1.0)[:, 0].tolist() == [3.0, 4.0, 4.0]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize("algo", ["ppo", "a2c", "reinforce"])
def test_what_is_learned_from_is_what_the_environments_did(mode, algo) -> None:
    """Transitions are written down beside the algorithm, from `Step` alone."""
    n_steps = None if algo == "reinforce" else 23
    pg = make_pg(algo=algo, **NUMBERS, n_steps=n_steps, max_episode_steps=50)
    vector = SyncVectorEnv([worlds.Numbers] * 4, autoreset_mode=mode)
    envs = set_envs(pg, Envs(vector)).envs
    seen: list[list[Any]] = [[] for _ in range(4)]
    step_of, at = envs.step, iter(range(10_000))

    def step(actions: Any) -> Any:
        obs, result, t = envs.obs, step_of(actions), next(at)
        value, next_value = pg.policy.values(obs), pg.policy.values(result.next_obs)
        for i in np.flatnonzero(result.live):
            done = bool(result.terminated[i] or result.truncated[i])
            row = result.reward[i], value[i], next_value[i], bool(result.terminated[i]), done
            seen[i].append((t, *row))
        return result

    envs.step = step  # type: ignore[method-assign]
    rollout = pg.play_rollout()
    batch = pg.batch(rollout)
    learned = rollout["learned"]
    advantage = batch["advantage"].numpy().reshape(learned.shape)
    lam = pg.algorithm.gae_lambda
    for i in range(4):
        times = [t for t, *_ in seen[i]]
        expected = dict(zip(times, added_up([r for _, *r in seen[i]], 0.99, lam), strict=True))
        if algo == "reinforce":  # the first episode alone
            times = times[: 1 + next(k for k, row in enumerate(seen[i]) if row[-1])]
        assert np.flatnonzero(learned[:, i]).tolist() == times
        assert np.allclose(advantage[times, i], [expected[t] for t in times], atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize("world", ["Loop", *(f"Loop{mode.value}" for mode in MODES)])
def test_a_reward_of_one_for_ever_is_worth_ten(world) -> None:
    """Time limits alone end these episodes. Were they ends, values would be below 8."""
    pg = make_pg(
        env=f"worlds:worlds/{world}-v0", hidden=(), n_envs=4, n_steps=16, batch_size=64,
        gamma=0.9, lr=0.1, n_epochs=8,
    )  # fmt: skip
    train(pg, 30)
    assert np.abs(pg.policy.values(np.arange(3)) - 10).max() < 0.3


def test_a_chain_that_ends_has_the_values_of_its_policy() -> None:
    """Both actions lead on, and the five rewards 1 to 5 are known: so are the values."""
    pg = make_pg(
        env="worlds:worlds/Conveyor-v0", hidden=(), n_envs=4, n_steps=15, batch_size=60,
        gamma=0.8, lr=0.1, n_epochs=8,
    )  # fmt: skip
    train(pg, 30)
    expected = worlds.optimal_q(worlds.conveyor(), 0.8)[:, 0]
    assert np.abs(pg.policy.values(np.arange(5)) - expected).max() < 0.15


def test_explained_variance() -> None:
    target = np.array([1.0, 2.0, 3.0])
    assert explained_variance(target, target) == 1.0
    assert explained_variance(np.full(3, 7.0), target) == 0.0
    assert explained_variance(target, np.ones(3)) is None
