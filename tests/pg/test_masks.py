"""Actions that the environment forbids are not taken, and count for nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from pg_tools import make_pg, set_envs, train
from worlds import Corridor

import lab
from lab.environments import Envs
from lab.environments.replayable import Replayable
from lab_pg.actions import Categorical, forbid

MODES = list(AutoresetMode)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_forbidden_actions_are_never_taken(mode) -> None:
    """The environment itself fails where one is."""
    pg = make_pg(env="worlds:worlds/Numbers-v0", n_envs=4, hidden=(8,), n_steps=40, batch_size=40)
    vector = SyncVectorEnv([Corridor] * 4, autoreset_mode=mode)
    train(set_envs(pg, Envs(vector)), 3)
    assert float(pg.ctx.window.means()["entropy"]) < 0.7  # at most two of three are open


def test_evaluations_keep_to_the_mask_too() -> None:
    pg = make_pg(env="worlds:worlds/Numbers-v0", n_envs=4, hidden=(8,))
    envs = pg.player.envs = Envs(SyncVectorEnv([Corridor] * 3))
    assert pg.evaluate("eval")["return"] > 0
    assert envs.action_mask is not None


class Seldom(Corridor):
    """Says what it allows in odd steps alone."""

    def _allowed(self) -> Any:
        return super()._allowed() if self.steps % 2 else np.ones(3, np.int8)

    def _look(self) -> tuple[Any, dict[str, Any]]:
        obs, info = super()._look()
        return obs, info if self.steps % 2 else {}


def test_a_mask_that_is_given_now_and_then() -> None:
    pg = make_pg(env="worlds:worlds/Numbers-v0", n_envs=1, hidden=(8,), n_steps=20)
    set_envs(pg, Envs(SyncVectorEnv([Seldom])))
    rollout = pg.play_rollout()
    odd = rollout["obs"][:, 0, 0] % 2 == 1
    assert rollout["mask"][odd, 0].tolist() == [[False, True, False]] * int(odd.sum())
    assert rollout["mask"][~odd].all()
    train(pg, 2)


def test_a_mask_of_another_shape_is_told() -> None:
    pg = make_pg(env="worlds:worlds/Numbers-v0", hidden=(8,))
    with pytest.raises(lab.LabError, match="does not fit the 3 alternatives"):
        pg.predict(np.zeros((1, 3)), action_mask=np.ones((1, 4)))


def test_a_mask_is_a_part_of_the_state_of_the_environments() -> None:
    each = [lambda: Replayable(Corridor())] * 2
    first, second = (Envs(SyncVectorEnv(each)) for _ in range(2))
    first.reset(1)
    first.step(np.zeros(2, np.int64))
    second.reset(2)
    second.load_state_dict(first.state_dict())
    assert first.action_mask is not None
    assert second.action_mask is not None
    assert second.action_mask.tolist() == first.action_mask.tolist() == 2 * [[False, True, False]]


def test_forbidden_actions_have_no_probability_and_no_entropy() -> None:
    outputs, mask = torch.zeros(1, 4), torch.tensor([[True, False, True, False]])
    actions = Categorical([4])
    allowed = forbid(outputs, mask)
    log_prob, entropy = actions.log_prob_and_entropy(allowed, torch.tensor([[2]]))
    assert float(entropy) == pytest.approx(np.log(2))
    assert float(log_prob) == pytest.approx(-np.log(2))
    rng = np.random.default_rng(0)
    assert {actions.sample(allowed.numpy(), rng).item() for _ in range(50)} == {0, 2}


def test_taxi_whose_mask_gymnasium_gives(run_pg: Callable[..., lab.RunResult]) -> None:
    """Who keeps to it never pays 10 for a pickup where nobody is: the worst episode costs 1 for
    each of its 200 steps."""
    result = run_pg(env="Taxi-v4", budget=2_000, hidden=(8,), eval_episodes=5, test_episodes=5)
    assert result.summary["test"]["test/return"] >= -200
