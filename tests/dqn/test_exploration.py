"""Each environment explores by itself, and a held action is held as long as the paper says."""

from __future__ import annotations

import numpy as np
import pytest
from dqn_tools import make_dqn
from scipy.stats import binomtest

from lab_dqn.exploration import Exploration

STEPS = 20_000


def play(exploration: Exploration, epsilon: float, steps: int, seed: int = 0):
    """Return who explored and with what action, [T, N] each."""
    rng = np.random.default_rng(seed)
    drawn = [exploration.draw(rng, epsilon) for _ in range(steps)]
    return tuple(np.stack(part) for part in zip(*drawn, strict=True))


def lengths(exploring: np.ndarray, action: np.ndarray) -> list[int]:
    """Return how long one environment took each of its actions, where it explored."""
    runs = [0]
    for t, (now, a) in enumerate(zip(exploring, action, strict=True)):
        same = t > 0 and exploring[t - 1] and a == action[t - 1]
        if now:
            runs[-1:] = [runs[-1] + 1] if same or runs[-1] == 0 else [runs[-1], 1]
        elif runs[-1]:
            runs.append(0)
    return [n for n in runs if n]


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("epsilon", [0.0, 1.0])
def test_all_or_none_explore_at_the_ends(hold, epsilon) -> None:
    exploring, _ = play(Exploration(3, 4, hold), epsilon, 500)
    assert (exploring == bool(epsilon)).all()


def test_environments_explore_apart_and_in_the_share_that_is_asked() -> None:
    exploring, action = play(Exploration(2, 4, hold=False), 0.3, STEPS)
    for column in exploring.T:
        assert binomtest(int(column.sum()), STEPS, 0.3).pvalue > 1e-4
    assert binomtest(int(exploring.all(axis=1).sum()), STEPS, 0.3**2).pvalue > 1e-4
    for a in range(4):
        assert binomtest(int((action == a).sum()), action.size, 0.25).pvalue > 1e-4


def test_an_action_is_held_for_a_zeta_distributed_number_of_steps() -> None:
    """P(n) = n^-2 / (pi^2 / 6), Dabney et al. (2021), section 3. Rare starts and many actions:
    two stretches that touch are then seldom taken for one."""
    exploring, action = play(Exploration(50, 1_000, hold=True), 0.01, STEPS)
    held = np.concatenate([lengths(e, a) for e, a in zip(exploring.T, action.T, strict=True)])
    for n in (1, 2, 3, 10):
        expected = n**-2 / (np.pi**2 / 6)
        assert (held == n).mean() == pytest.approx(expected, rel=0.15), n


def test_actions_are_held_in_a_share_of_starts_epsilon() -> None:
    """A start is possible only where nothing is held."""
    exploration, rng, starts, chances = (
        Exploration(10, 3, hold=True),
        np.random.default_rng(0),
        0,
        0,
    )
    for _ in range(STEPS):
        free = exploration.left == 0
        exploring, _ = exploration.draw(rng, 0.2)
        starts, chances = starts + int((free & exploring).sum()), chances + int(free.sum())
    assert binomtest(starts, chances, 0.2).pvalue > 1e-4


def test_a_held_action_goes_on_from_its_state() -> None:
    first, second = Exploration(5, 4, hold=True), Exploration(5, 4, hold=True)
    play(first, 0.5, 100)
    second.load_state_dict(first.state_dict())
    for a, b in zip(play(first, 0.1, 50, seed=1), play(second, 0.1, 50, seed=1), strict=True):
        assert (a == b).all()


def test_an_episode_that_ends_lets_go() -> None:
    exploration = Exploration(3, 4, hold=True)
    exploration.left[:] = 5
    exploration.end(np.array([True, False, True]))
    assert exploration.left.tolist() == [0, 5, 0]


def test_a_new_episode_is_not_begun_with_the_held_action_of_the_last() -> None:
    """Frozen: every step ends an episode, so that nothing is ever held."""
    dqn = make_dqn(
        env="MountainCar-v0", env_args={"max_episode_steps": 1}, n_envs=2, temporally_extended=True
    )
    dqn.exploration.left[:] = 100
    dqn.play_rollout()
    assert (dqn.exploration.left == 0).all()


@pytest.mark.parametrize("hold", [False, True])
def test_what_is_drawn_ahead_is_drawn_once_and_ends(hold) -> None:
    """All of a draw is used before another begins, and a new draw drops what is left."""
    exploration, rng = Exploration(2, 1_000, hold), np.random.default_rng(0)
    exploration.draw_ahead(rng, 3)
    after = rng.bit_generator.state
    seen = [exploration.draw(rng, 1.0)[1] for _ in range(3)]
    assert rng.bit_generator.state == after
    exploration.draw(rng, 1.0)
    assert rng.bit_generator.state != after
    again = Exploration(2, 1_000, hold)
    again.draw_ahead(np.random.default_rng(0), 3)
    again.draw(rng, 1.0)
    again.draw_ahead(np.random.default_rng(0), 3)
    again.left[:] = 0
    assert (again.draw(rng, 1.0)[1] == seen[0]).all()
