"""MinAtar's games are the package's own, with episodes that follow from their seed."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

minatar = pytest.importorskip("minatar")
GAMES = ("asterix", "breakout", "freeway", "seaquest", "space_invaders")


def made(game: str, version: str = "v0") -> gym.Env:
    from lab.environments import make
    from lab.plugins import discover

    name = f"MinAtar/{game.title().replace('_', '')}-{version}"
    make.register(name, discover().environments())
    return gym.make(name, render_mode="rgb_array", disable_env_checker=True)


@pytest.mark.parametrize("game", GAMES)
def test_each_step_is_that_of_the_package(game) -> None:
    env, own = made(game), minatar.Environment(game)
    env.reset(seed=3)
    own.seed(3)
    own.reset()
    actions = np.random.default_rng(0).integers(6, size=300)
    for action in actions:
        obs, reward, done, _, _ = env.step(action)
        assert (reward, done) == own.act(action)
        assert np.array_equal(obs, own.state())
        if done:
            break


@pytest.mark.parametrize("game", GAMES)
def test_an_episode_follows_from_its_seed(game) -> None:
    """The package's own may begin with the last action of the episode before."""
    env: Any = made(game, "v1")
    seen = []
    for _ in range(3):
        episode = [env.reset(seed=5)[0]]
        for action in np.random.default_rng(0).integers(env.action_space.n, size=80):
            obs, *_, done, _, _ = env.step(action)
            episode.append(obs)
            if done:
                break
        seen.append(np.stack(episode))
    assert all(np.array_equal(seen[0], other) for other in seen[1:])
