"""Running moments are those of all rows at once, are a part of the run, and stay as they are when
nobody trains."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers.utils import RunningMeanStd
from hypothesis import given, settings
from hypothesis import strategies as st
from pg_tools import make_pg, train

from lab_pg.normalization import Moments, ReturnScale


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(0, 7), min_size=1, max_size=5), seed=st.integers(0, 99))
def test_moments_of_batches_are_those_of_all_rows(sizes, seed) -> None:
    rng, moments = np.random.default_rng(seed), Moments((3,))
    batches = [rng.normal(5, 3, (size, 3)) for size in sizes]
    for batch in batches:
        moments.update(batch)
    rows = np.concatenate(batches)
    assert moments.count == len(rows)
    if len(rows):
        assert np.allclose(moments.mean, rows.mean(0))
        assert np.allclose(moments.variance, rows.var(0))


def test_nothing_is_changed_before_anything_was_seen() -> None:
    rows = np.array([[1.0, -2.0]])
    assert np.allclose(Moments((2,)).standardize(rows), rows)


def test_rewards_are_divided_by_the_spread_of_discounted_returns() -> None:
    """As gymnasium.wrappers.NormalizeReward adds them up, with the ends of episodes."""
    rng, scale, gamma = np.random.default_rng(0), ReturnScale(3, 0.9), 0.9
    reward, done = rng.normal(2, 5, (40, 3)), rng.random((40, 3)) < 0.2
    live = rng.random((40, 3)) < 0.8
    returns, total = [], np.zeros(3)
    for t in range(40):
        total = total * gamma + reward[t]
        returns += total[live[t]].tolist()
        total = total * ~done[t]
    theirs = RunningMeanStd(epsilon=0)
    theirs.update(np.array(returns))
    scaled = scale.scale(reward, done, live)
    assert np.allclose(scaled, np.clip(reward / np.sqrt(theirs.var), -10, 10), rtol=1e-5)
    assert np.array_equal(scale.returns, np.where(done[-1], 0, scale.returns))


def test_within_a_step_old_and_new_policy_see_the_same() -> None:
    """Before the first gradient step the ratio of probabilities is 1."""
    pg = make_pg(env="Pendulum-v1", n_envs=2, n_steps=32, normalize_obs=True, n_epochs=1)
    train(pg, 2)
    pg.updater.options = pg.config.model_copy(update={"lr": 1e-30})
    pg.ctx.window.clear()
    train(pg, 1)
    assert float(pg.ctx.window.means()["approx_kl"]) == pytest.approx(0, abs=1e-6)


def test_statistics_are_those_of_live_observations_and_evaluation_adds_none() -> None:
    pg = make_pg(env="CartPole-v1", n_envs=4, n_steps=64, normalize_obs=True, eval_episodes=4)
    seen = []
    play = pg.play_rollout

    def playing():
        rollout = play()
        seen.append(rollout["obs"][rollout["live"]])
        assert not rollout["live"].all()  # native CartPole spends steps on resets
        return rollout

    pg.play_rollout = playing  # type: ignore[method-assign]
    train(pg, 2)
    assert np.allclose(pg.policy.seen.mean, np.concatenate(seen).mean(0))
    before = pg.policy.seen.count
    pg.evaluate("eval")
    pg.predict(np.zeros((2, 4), np.float32))
    assert pg.policy.seen.count == before == sum(map(len, seen))


def test_the_statistics_go_with_the_model_alone() -> None:
    trained = train(make_pg(env="Pendulum-v1", n_envs=2, n_steps=32, normalize_obs=True), 2)
    loaded = make_pg(env="Pendulum-v1", normalize_obs=True, seed=1)
    loaded.load_state_dict({"model": trained.state_dict()["model"]})
    obs = gym.make("Pendulum-v1").observation_space.sample()[None]
    assert np.array_equal(loaded.predict(obs), trained.predict(obs))
    assert not np.array_equal(make_pg(env="Pendulum-v1").predict(obs), trained.predict(obs))
