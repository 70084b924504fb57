"""Distributions are those of `torch.distributions`, and actions those that environments take."""

from __future__ import annotations

import math

import gymnasium as gym
import numpy as np
import pytest
import torch
from helpers import noting
from pg_tools import make_pg, train
from torch import distributions

from lab_pg.actions import Categorical, DiagonalGaussian

CHOICES = [3, 2, 4]


def test_several_choices_are_independent_categoricals() -> None:
    logits = torch.randn(5, 9)
    actions = Categorical(CHOICES)
    parts = [distributions.Categorical(logits=part) for part in logits.split(CHOICES, 1)]
    taken = torch.stack([part.sample() for part in parts], 1)
    log_prob = sum(p.log_prob(taken[:, i]) for i, p in enumerate(parts))
    got, entropy = actions.log_prob_and_entropy(logits, taken)
    assert torch.allclose(got, log_prob)
    assert torch.allclose(entropy, sum(p.entropy() for p in parts))
    likeliest = torch.stack([p.mode for p in parts], 1)
    assert (actions.mode(logits.numpy()) == likeliest.numpy()).all()


def test_continuous_actions_are_a_diagonal_gaussian() -> None:
    mean, log_std = torch.randn(5, 3), torch.randn(3).expand(5, 3)
    actions, outputs = DiagonalGaussian(3), torch.cat([mean, log_std], 1)
    torchs = distributions.Independent(distributions.Normal(mean, log_std.exp()), 1)
    taken = torchs.sample()
    got, entropy = actions.log_prob_and_entropy(outputs, taken)
    assert torch.allclose(got, torchs.log_prob(taken), atol=1e-5)
    assert torch.allclose(entropy, torchs.entropy())
    assert (actions.mode(outputs.numpy()) == mean.numpy()).all()


@pytest.mark.parametrize("kind", ["categorical", "gaussian"])
def test_samples_are_as_frequent_as_they_are_likely(kind) -> None:
    rng, n = np.random.default_rng(0), 20_000
    if kind == "categorical":
        probabilities = np.array([0.5, 0.3, 0.2])
        logits = np.tile(np.log(probabilities), (n, 1))
        drawn = Categorical([3]).sample(logits, rng)[:, 0]
        assert np.allclose(np.bincount(drawn) / n, probabilities, atol=0.02)
    else:
        outputs = np.tile(np.array([1.0, -2.0, 0.0, math.log(3.0)], np.float32), (n, 1))
        drawn = DiagonalGaussian(2).sample(outputs, rng)
        assert np.allclose(drawn.mean(0), [1.0, -2.0], atol=0.1)
        assert np.allclose(drawn.std(0), [1.0, 3.0], atol=0.1)


def test_continuous_actions_are_clipped_for_the_environment_alone() -> None:
    """The probability is that of what was drawn, not of the bound."""
    pg = make_pg(env="Pendulum-v1", n_envs=2, n_steps=30, log_std_init=2.0, hidden=(4,))
    sent: list[np.ndarray] = []
    pg.envs.step = noting(pg.envs.step, sent.append)  # type: ignore[method-assign]
    rollout = pg.play_rollout()
    assert np.abs(rollout["action"]).max() > 2
    assert np.array_equal(np.stack(sent), np.clip(rollout["action"], -2, 2))
    assert np.stack(sent).dtype == np.float32


@pytest.mark.parametrize(
    ("env", "options"),
    [
        ("worlds:worlds/Odd-v0", {"env_args": {"action": "several"}}),
        ("worlds:worlds/Odd-v0", {"env_args": {"action": "switches"}}),
        ("worlds:worlds/Odd-v0", {"env_args": {"action": "box"}, "normalize_obs": True}),
        ("worlds:worlds/Odd-v0", {"env_args": {"observation": "bits"}}),
        ("worlds:worlds/Odd-v0", {"env_args": {"observation": "bytes first"}}),
        ("worlds:worlds/Odd-v0", {"env_args": {"observation": "bytes last"}}),
        ("worlds:worlds/Odd-v0", {"env_args": {"observation": "dict"}}),
        ("worlds:worlds/Mission-v0", {}),
        ("worlds:worlds/Street-v0", {}),
        ("FrozenLake-v1", {}),
        ("lab/Catch-v0", {}),
    ],
)
def test_spaces_that_networks_take(env, options) -> None:
    pg = make_pg(env=env, n_envs=2, n_steps=8, hidden=(8,), max_episode_steps=9, **options)
    train(pg, 2)
    actions = pg.predict(pg.example(3))
    assert actions.shape[0] == 3
    single = gym.make(env.partition(":")[2] or env, **options.get("env_args", {}))
    assert all(single.action_space.contains(action) for action in actions)


@pytest.mark.parametrize(
    ("action", "algo"),
    [("several", "ppo"), ("switches", "a2c"), ("box", "ppo"), ("box", "reinforce")],
)
def test_the_rewarded_of_several_actions_becomes_likely(action, algo) -> None:
    """Nothing else can be learned here: the best action is known, and is that of every state."""
    pg = make_pg(
        env="worlds:worlds/Odd-v0", env_args={"action": action}, algo=algo, n_envs=16, lr=0.02,
        hidden=(8,), wrap=("pg_tools:Rewarded",), max_episode_steps=5,
    )  # fmt: skip
    train(pg, {"ppo": 12, "a2c": 60, "reinforce": 250}[algo])
    best = pg.policy.best(np.zeros((1, 2), np.float32))[0]
    if action == "box":
        assert np.allclose(best, 0.5, atol=0.2)
    else:
        assert best[-1] == 1
