"""Whole runs: they go on to the bit after dying in the middle of a rollout, or while they learn."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from helpers import difference, last_state, rows, summary
from pqn_tools import make_pqn, train

import lab
from lab.optim import Updater
from lab_dqn.pqn import PQN

SHORT: dict[str, Any] = {"preset": "none", "test_episodes": 3, "eval_episodes": 3, "hidden": (8,)}
CASES: dict[str, dict[str, Any]] = {
    "native": {"n_envs": 4, "n_steps": 16, "batch_size": 32},
    "pictures": {"env": "lab/Catch-v0", "n_envs": 2, "n_steps": 25, "ema": 0.9, "frame_stack": 2},
    "held actions": {
        "env": "FrozenLake-v1", "n_envs": 2, "n_steps": 20, "temporally_extended": True,
    },
    "lives": {
        "env": "worlds:worlds/Arcade-v0", "n_envs": 2, "n_steps": 20, "fire_reset": True,
        "terminal_on_life_loss": True, "clip_reward": True, "schedule": "constant",
    },
}  # fmt: skip


class Died(Exception):
    """The machine lost its power."""


@pytest.mark.parametrize("phase", ["acting", "learning", "between"])
@pytest.mark.parametrize("case", CASES)
def test_a_run_that_dies_goes_on_to_the_same_bits(
    run_pqn, monkeypatch, tmp_path, case, phase
) -> None:
    options = {**SHORT, "budget": 300, "eval_every": 150, "checkpoint_every": 1, **CASES[case]}
    whole = run_pqn("whole", **options).dir
    owner, name, calls = {
        "acting": (PQN, "act", 70),
        "learning": (Updater, "__call__", 21),
        "between": (PQN, "learn", 3),
    }[phase]
    method, left = getattr(owner, name), iter(range(calls))

    def dying(self: Any, *arguments: Any) -> Any:
        if next(left, None) is None:
            raise Died
        return method(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, dying)
        with pytest.raises(lab.RunFailed):
            run_pqn("cut", **options)
    cut = tmp_path / "runs" / "cut"
    assert 0 < last_state(cut)["clock"] < 300
    assert lab.resume(cut, wandb="disabled").state == "finished"
    assert rows(cut) == rows(whole)
    assert difference(last_state(cut), last_state(whole)) is None
    assert summary(cut)["test"] == summary(whole)["test"]


def test_a_rollout_longer_than_the_budget_is_told() -> None:
    said: list[str] = []
    make_pqn(n_envs=2, n_steps=64, budget=100, warn=said.append)
    assert "a rollout of PQN is 128 env steps" in said[0]


def test_averaged_weights_are_those_that_act_when_it_is_evaluated() -> None:
    pqn = train(make_pqn(ema=0.9, n_envs=4, n_steps=16, lr=0.1, hidden=(8,), eval_episodes=2), 4)
    obs = pqn.example(64)
    seed = int(copy.deepcopy(pqn.ctx.rng).integers(2**31))
    start = pqn.eval_envs.reset(seed)
    with pqn.updater.averaged():
        expected, highest = pqn.q(obs), pqn.q(start).max(1).mean()
    assert np.abs(pqn.q(obs) - expected).max() > 0.1
    assert (pqn.predict(obs) == expected.argmax(1)).all()
    assert pqn.evaluate("eval")["q_start"] == float(highest)


def test_q_is_in_the_unit_of_the_rewards_whatever_the_network_learns_in() -> None:
    """A tenth of the rewards, and of the first weights of the last layer: the same Q."""
    whole, tenth = (make_pqn(hidden=(8,), n_envs=4, reward_scale=scale) for scale in (1.0, 0.1))
    with torch.no_grad():
        for name, parameter in tenth.network.named_parameters():
            parameter.copy_(dict(whole.network.named_parameters())[name])
            if name.startswith("advantage"):
                parameter.mul_(0.1)
    obs = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
    assert np.allclose(whole.q(obs), tenth.q(obs), rtol=1e-5, atol=1e-5)
    one, other = (pqn.batch(pqn.play_rollout())["target"] for pqn in (whole, tenth))
    assert torch.allclose(one, other, rtol=1e-5, atol=1e-5)


def test_held_actions_and_lives_are_part_of_a_checkpoint() -> None:
    options: dict[str, Any] = {"n_envs": 4, "hidden": (8,), "temporally_extended": True}
    pqn, other = make_pqn(**options), make_pqn(**options)
    pqn.exploration.left[:], pqn.exploration.action[:], pqn.lives.left[:] = 3, 1, 2
    other.load_state_dict(pqn.state_dict())
    assert other.exploration.left.tolist() == [3, 3, 3, 3]
    assert other.exploration.action.tolist() == [1, 1, 1, 1]
    assert other.lives.left.tolist() == [2, 2, 2, 2]
