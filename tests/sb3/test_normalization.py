"""What observations and rewards are scaled by: learned in training, kept, and used frozen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import stable_baselines3
import worlds
from gymnasium import spaces
from helpers import rows
from sb3_tools import learn, make_sb3
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import lab
from lab.environments import make_env
from lab.trained import use
from lab_sb3 import normalization
from lab_sb3.envs import LentEnvs

BOTH: dict[str, Any] = {"normalize_obs": True, "normalize_returns": True}
PPO: dict[str, Any] = {"algo": "ppo", "n_steps": 32, "batch_size": 32, "n_epochs": 1, **BOTH}
SHORT: dict[str, Any] = {"preset": "none", "budget": 128, "eval_every": 64, "log_every": 32,
                         "eval_episodes": 3, "test_episodes": 3, "hidden": (8,)}  # fmt: skip
PRIOR = 1e-4  # the weight of mean 0 and variance 1, before anything is seen


def weighed(seen: Any) -> tuple[Any, Any]:
    """Return mean and variance of rows [n, ...] and the prior."""
    number = len(seen) + PRIOR
    mean = np.sum(seen, 0) / number
    return mean, (np.sum((seen - mean) ** 2, 0) + PRIOR * (1 + mean**2)) / number


def test_statistics_are_those_of_what_training_saw(monkeypatch) -> None:
    """All observations that were acted from, and each moment's return, discounted backwards."""
    seen: list[Any] = []
    discounted: list[Any] = []
    running = np.zeros(2)
    step_wait = LentEnvs.step_wait

    def spy(self: LentEnvs) -> Any:
        nonlocal running
        obs, reward, done, infos = step_wait(self)
        seen.append(obs)
        running = 0.9 * running + reward
        discounted.append(running)
        running = np.where(done, 0, running)
        return obs, reward, done, infos

    monkeypatch.setattr(LentEnvs, "step_wait", spy)
    sb3 = make_sb3(**PPO, env="worlds/Numbers-v0", n_envs=2, gamma=0.9)
    seen.append(sb3.vec_env.reset())
    learn(sb3, 128)
    normalize = sb3.model.get_vec_normalize_env()
    for running_stats, kept in ((normalize.obs_rms, seen), (normalize.ret_rms, discounted)):
        mean, variance = weighed(np.concatenate(kept).astype(np.float64))
        np.testing.assert_allclose(running_stats.mean, mean, rtol=1e-5)
        np.testing.assert_allclose(running_stats.var, variance, rtol=1e-5)


def test_replay_holds_what_the_environment_gave() -> None:
    """Of a pendulum cosine and sine, whose squares add up to 1, and costs, up to 16.3."""
    sb3 = make_sb3(env="Pendulum-v1", algo="sac", learning_starts=100, hidden=(8,), **BOTH)
    buffer = learn(sb3, 250).model.replay_buffer
    for obs in (buffer.observations, buffer.next_observations):
        circle = obs[:250, 0, :2]
        np.testing.assert_allclose((circle**2).sum(-1), 1, atol=1e-4)
    assert buffer.rewards[:250].min() < -5
    assert buffer.rewards[:250].max() <= 0
    sampled = buffer.sample(250, env=sb3.model.get_vec_normalize_env())
    assert np.abs(sampled.observations.numpy().mean(0)).max() < 0.5, "standardized when sampled"
    assert sampled.rewards.min() > -5


def test_returns_are_told_as_the_environment_gives_them(run_sb3) -> None:
    """1 for each step."""
    result = run_sb3(**SHORT, **PPO, n_envs=2)
    for split in ("train", "eval", "test"):
        told = [row for row in rows(result.dir) if f"{split}/return" in row]
        assert told
        assert all(row[f"{split}/return"] == row[f"{split}/length"] > 4 for row in told)


def test_evaluation_looks_at_statistics_and_leaves_them() -> None:
    sb3 = learn(make_sb3(**PPO, n_envs=2, eval_episodes=2), 128)
    before = sb3.state_dict()
    obs = sb3.example(20)
    first = sb3.player().act(obs)
    sb3.evaluate("eval")
    normalize = sb3.model.get_vec_normalize_env()
    assert lab.to_plain(normalize.obs_rms.mean).tolist() == (
        before["model"]["observations"]["vector"]["mean"].tolist()
    )
    assert (sb3.player().act(obs) == first).all()
    normalize.obs_rms.mean = normalize.obs_rms.mean + 1e3
    assert len(set(sb3.player().act(obs).tolist())) == 1, "all are cut at the same end"


def test_an_export_is_what_stable_baselines3_itself_loads(run_sb3) -> None:
    result = run_sb3(**SHORT, **PPO, n_envs=2)
    path = use(result.dir, "export")
    theirs = stable_baselines3.PPO.load(path, device="cpu")
    vector = DummyVecEnv([lambda: make_env("CartPole-v1")])
    normalize = VecNormalize.load(str(result.dir / "sb3-vecnormalize.pkl"), vector)
    ours = lab.load(result.dir)
    obs = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    actions, _ = theirs.predict(normalize.normalize_obs(obs), deterministic=True)
    np.testing.assert_array_equal(actions, ours.predict(obs))
    path.unlink()
    with pytest.raises(lab.UsageError, match="vecnormalize.pkl exists"):
        use(result.dir, "export")


def test_the_best_checkpoint_alone_predicts_as_the_run_did(run_sb3) -> None:
    result = run_sb3(**SHORT, **PPO, n_envs=2)
    agent = lab.load(result.dir)  # loads best.pt, which holds the model alone
    assert agent.model.get_vec_normalize_env().obs_rms.count > 60
    assert use(result.dir, "play").frames


class Count(worlds.Numbers):
    """Observes two whole numbers."""

    observation_space: Any = spaces.Box(0, 9, (2,), np.int64)

    def _look(self) -> Any:
        return self.np_random.integers(10, size=2)


worlds.register("worlds/Count-v0", Count)


@pytest.mark.parametrize("algo", ["ppo", "dqn"])
def test_whole_numbers_are_standardized_to_fractions(algo) -> None:
    space = spaces.Dict(
        {"count": Count.observation_space, "kind": spaces.Discrete(3),
         "picture": spaces.Box(0, 255, (3, 40, 40), np.uint8)}
    )  # fmt: skip
    kept = normalization.stored(space)
    assert isinstance(kept, spaces.Dict)
    assert kept["count"] == spaces.Box(0, 9, (2,), np.float32)
    assert (kept["kind"], kept["picture"]) == (space["kind"], space["picture"])
    assert normalization.vectors(space) == ["count"]
    options = {} if algo == "ppo" else {"algo": "dqn", "buffer_size": 64, "n_steps": None}
    sb3 = make_sb3(**{**PPO, "batch_size": 8, **options, "n_epochs": None}, env="worlds/Count-v0")
    learn(sb3, 32)
    if algo == "ppo":
        kept_obs = sb3.model.rollout_buffer.observations
        assert (kept_obs != np.round(kept_obs)).any()
    else:
        kept_obs = sb3.model.replay_buffer.observations[:30]
        assert set(np.unique(kept_obs)) <= set(range(10))
    assert sb3.predict(np.array([[3, 4]])).shape == (1,)


def test_parts_are_standardized_where_they_are_vectors() -> None:
    sb3 = learn(make_sb3(**PPO, env="worlds/Mission-v0", policy="auto"), 64)
    assert list(sb3.state_dict()["model"]["observations"]) == ["direction", "image"]


def test_episodes_that_began_anew_have_earned_nothing() -> None:
    sb3 = learn(make_sb3(**PPO, n_envs=2), 64)
    normalize = sb3.model.get_vec_normalize_env()
    state, normalize.returns = normalization.returns(normalize), np.full(2, 7.0)
    normalization.load_returns(normalize, state, restarted=False)
    assert normalize.returns.tolist() == state["each"].tolist()
    assert normalize.returns.any()
    normalization.load_returns(normalize, state, restarted=True)
    assert not normalize.returns.any()


@pytest.mark.parametrize("env", ["worlds/Street-v0", "lab/Catch-v0"])
def test_what_is_no_vector_is_refused(env) -> None:
    with pytest.raises(lab.UsageError, match=f"--normalize-obs is for vectors; --env {env} shows"):
        make_sb3(**PPO, env=env)
