"""Whole runs: they learn, repeat, stop, and can be used afterwards."""

from __future__ import annotations

import json
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from helpers import difference, last_state, rows, summary
from PIL import Image
from PIL.GifImagePlugin import GifImageFile

import lab
from lab.engine import checkpoint
from lab_dqn.config import Config

SMALL = {"preset": "tiny", "budget": 400, "eval_every": 200, "test_episodes": 5}
CATCH = {
    "env": "lab/Catch-v0",
    "hidden": (16,),
    "budget": 200,
    "learning_starts": 50,
    "train_freq": 20,
    "eval_episodes": 2,
    "test_episodes": 2,
}


def column(history: list[dict[str, Any]], name: str) -> dict[int, float]:
    return {row["clock"]: row[name] for row in history if name in row}


def test_the_tiny_preset_learns(run_dqn) -> None:
    result = run_dqn(preset="tiny")
    returns = column(rows(result.dir), "eval/return")
    assert result.state == "finished"
    assert result.objective == max(returns.values()) > returns[0] + 50
    assert result.summary["test"]["test/return"] > returns[0] + 50
    assert list(returns) == [1000 * k for k in range(5)]


def test_every_declared_metric_is_logged_and_no_other(run_dqn) -> None:
    from lab.plugins import discover

    result = run_dqn(**SMALL)
    seen = {name for row in rows(result.dir) for name in row} - {"clock"}
    assert seen == set(discover().experiment("dqn").metrics)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"prioritized": True, "n_step": 3, "double": True, "dueling": True},
        {"replay": False, "target_network": False},
        {"precision": "bf16", "tau": 0.5},
        {"n_envs": 1, "buffer_size": 100},
    ],
    ids=str,
)
def test_the_same_seed_gives_the_same_run(run_dqn, options) -> None:
    a, b = (run_dqn(name, **{**SMALL, **options}) for name in ("one", "two"))
    assert rows(a.dir) == rows(b.dir)
    assert difference(last_state(a.dir), last_state(b.dir)) is None


def test_another_seed_gives_another_run(run_dqn) -> None:
    a, b = (run_dqn(f"s{seed}", seed=seed, **SMALL) for seed in (0, 1))
    assert rows(a.dir)[0] != rows(b.dir)[0]  # other weights and other episodes


def test_other_logging_evaluation_and_checkpoint_grids_give_the_same_weights(run_dqn) -> None:
    a = run_dqn("one", **SMALL)
    grids = {"eval_every": 70, "log_every": 13, "checkpoint_every": 50}
    b = run_dqn("two", **{**SMALL, **grids, "eval_episodes": 3})
    for part in ("model", "target", "optimizer", "memory"):
        states = (last_state(run.dir)["experiment"][part] for run in (a, b))
        assert difference(*states) is None, part


def test_epsilon_and_the_clock_are_counted_in_transitions(run_dqn) -> None:
    options = {"exploration_fraction": 0.5, "epsilon_end": 0.1, "train_freq": 10, "log_every": 20}
    result = run_dqn(**{**SMALL, **options})
    epsilon = column(rows(result.dir), "train/epsilon")
    assert list(epsilon) == [20 * k for k in range(1, 21)]
    for clock, value in epsilon.items():  # it falls by 0.9 over the first 200 transitions
        assert value == pytest.approx(max(0.1, 1 - 0.9 * clock / 200), abs=0.09)
    assert epsilon[400] == 0.1
    assert 400 <= summary(result.dir)["clock"]["value"] < 400 + 10 + 4


def test_the_test_is_a_mean_of_fresh_episodes_in_its_interval(run_dqn, monkeypatch) -> None:
    played = []
    original = lab.play_episodes

    def spy(*args: Any, seed: int, **options: Any) -> lab.Episodes:
        played.append(seed)
        return original(*args, seed=seed, **options)

    monkeypatch.setattr(lab, "play_episodes", spy)
    result = run_dqn(**{**SMALL, "test_episodes": 100, "eval_episodes": 20})
    test = result.summary["test"]
    assert test["test/episodes"] == 100
    assert test["test/return_low"] < test["test/return"] < test["test/return_high"]
    assert played[-1] not in played[:-1]  # the seed of the test is its own
    assert len(set(played[:-1])) == 1  # and all evaluations have the same one


def test_the_interval_is_student_s() -> None:
    returns = np.array([3.0, 5.0, 4.0, 9.0, 1.0])
    played = lab.Episodes(returns, returns, np.full(5, 7), np.zeros(5, bool))
    test = played.metrics("test")
    half = 2.7764 * returns.std(ddof=1) / np.sqrt(5)  # t(0.975) of 4 degrees of freedom
    assert (test["return"], test["length"], test["episodes"]) == (returns.mean(), 7, 5)
    assert test["return_high"] - returns.mean() == pytest.approx(half, rel=1e-4)
    assert returns.mean() - test["return_low"] == pytest.approx(half, rel=1e-4)
    assert played.metrics("eval") == {"return": returns.mean(), "length": 7, "truncated": 0}


def test_one_episode_says_nothing_about_how_returns_scatter() -> None:
    played = lab.Episodes(np.array([3.0]), np.array([3.0]), np.array([7]), np.array([False]))
    expected = {"return": 3.0, "length": 7.0, "truncated": 0.0, "episodes": 1.0}
    assert played.metrics("test") == expected


def test_stop_at_solved_ends_on_a_passage_that_is_confirmed(run_dqn) -> None:
    """worlds/Easy-v0 declares a threshold that is soon passed."""
    result = run_dqn(preset="tiny", env="worlds:worlds/Easy-v0", stop_at="solved")
    assert result.summary["ended"] == "eval/return>=25"
    assert result.summary["clock"]["value"] < 4_000
    assert "eval/return>=25 confirmed" in (result.dir / "log.txt").read_text()
    assert result.objective >= 25


def test_stop_at_solved_is_said_to_be_impossible_without_a_threshold(run_dqn, tmp_path) -> None:
    with pytest.raises(lab.UsageError, match="no such goal"):
        run_dqn(env="lab/Grid-v0", stop_at="solved")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("env", ["CartPole-v1", "lab/Catch-v0", "worlds:worlds/Easy-v0"])
def test_the_threshold_of_an_environment_is_found_wherever_it_is_registered(env) -> None:
    from lab.plugins import discover
    from lab_dqn.config import Config

    thresholds = {"CartPole-v1": 475, "lab/Catch-v0": 0.99, "worlds:worlds/Easy-v0": 25}
    assert Config(env=env).goals(discover()) == {"solved": f"eval/return>={thresholds[env]:g}"}


# -- presets


def test_a_preset_is_chosen_by_the_environment_and_options_override_it(run_dqn) -> None:
    import yaml

    from lab_dqn.presets import PRESETS

    result = run_dqn(budget=300, test_episodes=2, eval_episodes=2, n_envs=2)
    record = yaml.safe_load((result.dir / "config.yaml").read_text())
    tuned = PRESETS["CartPole-v1"]
    assert record["preset"] == "CartPole-v1"
    assert record["config"]["lr"] == tuned["lr"]
    assert (record["run"]["budget"], record["config"]["n_envs"]) == (300, 2)


def test_every_preset_is_a_valid_config_of_its_own_environment() -> None:
    from lab.plugins import discover
    from lab.resolve import resolve

    spec = discover().experiment("dqn")
    for name in spec.presets:
        assert resolve(spec, {}, preset=name).preset == name
        if name != "tiny":
            own = resolve(spec, {"env": name})
            assert own.preset == name
            assert isinstance(own.config, Config)
            assert own.config.env == name


# -- using a trained run


def test_a_loaded_run_predicts_without_any_environment(run_dqn, monkeypatch) -> None:
    result = run_dqn(**SMALL)

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("an environment was made")

    monkeypatch.setattr(gym, "make", refuse)
    monkeypatch.setattr(gym, "make_vec", refuse)
    dqn = lab.load(result.dir)
    obs = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    q = dqn.q(obs)
    best = checkpoint.load(result.dir / "checkpoints" / "best.pt")["experiment"]["model"]
    by_hand = torch.from_numpy(obs)
    for layer in ("hidden.0", "hidden.1", "advantage"):
        by_hand = by_hand @ best[f"{layer}.weight"].T + best[f"{layer}.bias"]
        by_hand = by_hand if layer == "advantage" else by_hand.relu()
    assert q.shape == (7, 2)
    assert q == pytest.approx(by_hand.numpy(), rel=1e-5, abs=1e-6)
    assert dqn.predict(obs.tolist()).tolist() == q.argmax(1).tolist()


def test_a_run_to_a_threshold_loads_where_its_environment_is_gone(run_dqn, monkeypatch) -> None:
    options = {**CATCH, "budget": 20, "eval_episodes": 1, "test_episodes": 1}
    result = run_dqn(stop_at="solved", **options)
    monkeypatch.delitem(gym.registry, "lab/Catch-v0")
    assert lab.load(result.dir).predict(np.zeros((1, 40, 40, 1), np.uint8)).shape == (1,)


def test_evaluating_again_gives_the_run_s_own_figures(run_dqn) -> None:
    result = run_dqn(**SMALL)
    assert lab.evaluate(result.dir) == result.summary["test"]
    assert lab.evaluate(result.dir, seed=5) != result.summary["test"]


@pytest.mark.parametrize("options", [SMALL, CATCH, {**CATCH, "frame_stack": 2}], ids=str)
def test_lab_play_writes_an_animation(run_dqn, cli, options) -> None:
    result = run_dqn("played", **options)
    completed = cli("play", result.dir, "--skip", "1", "--size", "60", "--json")
    assert completed.exit_code == 0, completed.output
    with Image.open(json.loads(completed.stdout)["file"]) as gif:
        assert gif.format == "GIF"
        assert isinstance(gif, GifImageFile)
        assert gif.n_frames > 1
        assert max(gif.size) == 60


@pytest.mark.parametrize("screen", ["NotImplementedError", "RuntimeError", "nothing"])
def test_an_environment_that_cannot_draw_costs_no_run(run_dqn, screen) -> None:
    options = {**SMALL, "env": "worlds:worlds/Screen-v0", "env_args": {"screen": screen}}
    result = run_dqn(media=True, **options)
    assert result.state == "finished"
    assert "No episode was recorded" in (result.dir / "log.txt").read_text()


def test_a_run_records_an_episode_at_its_end_unless_told_not_to(run_dqn) -> None:
    small = {**CATCH, "env_args": {"rows": 6, "columns": 6, "cell": 6}}
    recorded, quiet = run_dqn("shown", media=True, **small), run_dqn("quiet", **small)
    episode, curve = sorted((recorded.dir / "media").iterdir())
    assert episode.name.endswith("-episode.gif")
    assert curve.name.endswith("-learning_curve.png")
    assert not (quiet.dir / "media").exists()
    assert rows(recorded.dir) == rows(quiet.dir)


def test_an_environment_that_cannot_draw_itself_costs_no_run(run_dqn) -> None:
    small = {"hidden": (), "budget": 200, "eval_episodes": 2, "test_episodes": 2}
    result = run_dqn(env="worlds:worlds/Chain-v0", media=True, **small)
    assert result.state == "finished"
    assert "No episode was recorded" in (result.dir / "log.txt").read_text()
