"""Whole runs: they go on to the bit after dying in the middle of a rollout, and learn."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from helpers import child_environment, difference, last_state, rows, run_child, summary
from pg_tools import make_pg

import lab
from lab_pg.policy import Policy

SHORT: dict[str, Any] = {"preset": "none", "test_episodes": 3, "eval_episodes": 3, "hidden": (8,)}
CASES: dict[str, dict[str, Any]] = {
    "native": {"n_envs": 4, "n_steps": 16, "batch_size": 32},
    "normalized": {
        "env": "Pendulum-v1", "n_envs": 2, "n_steps": 25, "normalize_obs": True,
        "normalize_returns": True, "schedule": "linear", "ema": 0.9,
    },
    "a2c with masks": {"algo": "a2c", "env": "Taxi-v4", "n_envs": 2, "entropy_coef": 0.01},
    "reinforce": {"algo": "reinforce", "n_envs": 2, "normalize_returns": True},
}  # fmt: skip


class Died(Exception):
    """The machine lost its power."""


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_dies_within_a_rollout_goes_on_to_the_same_bits(
    run_pg, monkeypatch, tmp_path, case
) -> None:
    options = {**SHORT, "budget": 400, "eval_every": 200, "checkpoint_every": 1, **CASES[case]}
    whole = run_pg("whole", **options).dir
    act, left = Policy.act, iter(range(70))

    def dying(self: Policy, obs: Any, mask: Any = None) -> Any:
        if next(left, None) is None:
            raise Died
        return act(self, obs, mask)

    monkeypatch.setattr(Policy, "act", dying)
    with pytest.raises(lab.RunFailed):
        run_pg("cut", **options)
    monkeypatch.setattr(Policy, "act", act)
    cut = tmp_path / "runs" / "cut"
    assert 0 < last_state(cut)["clock"] < 400
    assert lab.resume(cut, wandb="disabled").state == "finished"
    assert rows(cut) == rows(whole)
    assert difference(last_state(cut), last_state(whole)) is None
    assert summary(cut)["test"] == summary(whole)["test"]


def test_a_run_that_is_not_compiled_never_imports_the_compiler(tmp_path) -> None:
    """It takes as long as torch itself, of the few seconds that CartPole takes."""
    code = (
        "import sys, lab\n"
        "lab.run('pg', preset='tiny', budget=256, eval_every=256, wandb='disabled', media=False)\n"
        "print('LOADED', *[n for n in ('torch._dynamo', 'torch._inductor') if n in sys.modules])"
    )
    child = run_child([sys.executable, "-c", code], tmp_path, child_environment())
    assert child.stdout.split()[-1] == "LOADED", child.stderr


def test_an_episode_is_played(run_pg) -> None:
    for env in ("worlds:worlds/Mission-v0", "Taxi-v4"):
        result = run_pg(**SHORT, env=env, n_envs=2, n_steps=8, budget=32, eval_every=32)
        clip = lab.load(result.dir).play_command(lab.Play(max_steps=5))
        assert len(clip.frames) > 1


def test_a_rollout_longer_than_the_budget_is_told() -> None:
    said: list[str] = []
    make_pg(n_envs=2, n_steps=64, budget=100, warn=said.append)
    assert "a rollout of ppo is 128 env steps" in said[0]
