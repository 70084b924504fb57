"""stable-baselines3 under the runner does what it does by itself, and resumes exactly."""

from __future__ import annotations

import signal
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3
import worlds
from gymnasium import spaces
from helpers import last_state, rows, signal_in_evaluation
from sb3_tools import learn, make_sb3
from stable_baselines3.common.policies import ActorCriticCnnPolicy

import lab
from lab.compute import free_memory
from lab.engine import context
from lab.environments import make_envs
from lab.testing.compare import difference
from lab.tracking.terminal import Silent
from lab_sb3.algorithms import ALGORITHMS, CONTRIB
from lab_sb3.envs import LentEnvs
from lab_sb3.normalization import observations
from lab_sb3.spaces import from_plain, to_plain

OFF = {"buffer_size": 300, "learning_starts": 60, "batch_size": 16, "hidden": (8,)}
NORMALIZED = {"normalize_obs": True, "normalize_returns": True}
CASES: dict[str, dict[str, Any]] = {
    "ppo": {"algo": "ppo", "n_envs": 2, "n_steps": 32, "batch_size": 16, "n_epochs": 2,
            "linear": True, "lr": 1e-3},
    "ppo with sde": {"algo": "ppo", "env": "Pendulum-v1", "n_steps": 32, "batch_size": 16,
                     "n_epochs": 2, "args": {"use_sde": True, "sde_sample_freq": 4}},
    "a2c": {"algo": "a2c", "n_envs": 2, "n_steps": 16},
    "dqn": {"algo": "dqn", **OFF, "train_freq": 16, "gradient_steps": 4,
            "target_update_interval": 50},
    "sac": {"algo": "sac", "env": "Pendulum-v1", **OFF, "train_freq": 8},
    "td3": {"algo": "td3", "env": "Pendulum-v1", **OFF, "train_freq": 8, "noise": 0.1},
    "ddpg": {"algo": "ddpg", "env": "Pendulum-v1", **OFF, "n_envs": 2, "train_freq": 4,
             "noise": 0.1},
    "ppo, normalized": {"algo": "ppo", "n_envs": 2, "n_steps": 32, "batch_size": 16, "n_epochs": 2,
                        **NORMALIZED},
    "sac, normalized": {"algo": "sac", "env": "Pendulum-v1", **OFF, "train_freq": 8, **NORMALIZED},
    "tqc": {"algo": "tqc", "env": "Pendulum-v1", **OFF, "train_freq": 8,
            "policy_args": {"n_quantiles": 5}},
    "crossq": {"algo": "crossq", "env": "Pendulum-v1", **OFF, "train_freq": 8},
    "qrdqn": {"algo": "qrdqn", **OFF, "train_freq": 16, "gradient_steps": 4,
              "target_update_interval": 50, "policy_args": {"n_quantiles": 5}},
    "trpo": {"algo": "trpo", "n_envs": 2, "n_steps": 32, "batch_size": 32},
    "maskable ppo": {"algo": "maskable-ppo", "env": "worlds/Corridor-v0", "n_envs": 2,
                     "n_steps": 30, "batch_size": 20, "n_epochs": 2},
    "recurrent ppo": {"algo": "recurrent-ppo", "n_envs": 2, "n_steps": 24, "batch_size": 16,
                      "n_epochs": 2, "policy_args": {"lstm_hidden_size": 8}, **NORMALIZED},
    "ars": {"algo": "ars", "env": "Pendulum-v1", "max_episode_steps": 10, "policy": "LinearPolicy",
            "args": {"n_delta": 2, "zero_policy": False}, **NORMALIZED},
}  # fmt: skip
STEPS = 384


def needs_extra(case: str) -> None:
    """Skip where sb3-contrib is asked for and is not there."""
    if ALGORITHMS[CASES[case]["algo"]].module == CONTRIB:
        pytest.importorskip(CONTRIB)


@pytest.mark.parametrize("case", CASES)
def test_rollout_by_rollout_it_learns_what_its_own_loop_learns(case) -> None:
    needs_extra(case)
    stepped = learn(make_sb3(**CASES[case]), STEPS)
    own = make_sb3(**CASES[case])
    own.model.learn(STEPS)
    assert stepped.model.num_timesteps == own.model.num_timesteps == stepped.ctx.clock
    for mine, theirs in (
        (stepped.model.get_parameters(), own.model.get_parameters()),
        (observations(stepped.model), observations(own.model)),
    ):
        mismatch = difference(mine, theirs)
        assert mismatch is None, mismatch


class Stopping(Silent):
    def __init__(self, at: int) -> None:
        self.at = at

    def tick(self, clock: int) -> None:
        if clock >= self.at:
            raise RuntimeError("stopped by the test")


@pytest.mark.parametrize("case", CASES)
def test_a_run_that_failed_half_way_goes_on_to_the_same_end(run_sb3, case) -> None:
    needs_extra(case)
    options = {**CASES[case], "preset": "none", "budget": STEPS, "eval_every": STEPS,
               "eval_episodes": 1, "test_episodes": 1, "log_every": 64}  # fmt: skip
    uninterrupted = run_sb3("whole", checkpoint_every=100, **options)
    with pytest.raises(lab.RunFailed) as failed:
        run_sb3("part", checkpoint_every=100, terminal=Stopping(STEPS // 2), **options)
    resumed = lab.resume(failed.value.dir)
    assert rows(resumed.dir) == rows(uninterrupted.dir)
    mismatch = difference(
        last_state(uninterrupted.dir)["experiment"], last_state(resumed.dir)["experiment"]
    )
    assert mismatch is None, mismatch


@pytest.mark.parametrize("case", ["ppo", "dqn", "sac"])
def test_an_export_is_what_stable_baselines3_itself_loads(run_sb3, tmp_path, case) -> None:
    from click.testing import CliRunner

    from lab.cli import main

    options = {**CASES[case], "preset": "none", "budget": 128, "eval_episodes": 1,
               "test_episodes": 1}  # fmt: skip
    result = run_sb3(**options)
    words = ["export", str(result.dir), "--out", str(tmp_path / "model.zip")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    loaded = getattr(stable_baselines3, case.upper()).load(done.stdout.strip(), device="cpu")
    ours = lab.load(result.dir)
    obs = ours.example(7)
    np.testing.assert_array_equal(loaded.predict(obs, deterministic=True)[0], ours.predict(obs))


# -- environments


def test_the_ends_of_episodes_are_told_as_stable_baselines3_wants_them() -> None:
    """Numbers: episodes end by termination and truncation in turn."""
    ended: list[tuple[float, int]] = []
    envs = make_envs("worlds/Numbers-v0", 2)
    envs.reset(0)
    vec_env = LentEnvs(
        envs.observation_space, envs.action_space, 2, lambda: envs,
        lambda returns, lengths: ended.extend(zip(returns, lengths, strict=True)),
    )  # fmt: skip
    obs, truncations, terminations = vec_env.reset(), 0, 0
    assert (vec_env.reset() == obs).all(), "reset begins nothing anew"
    lengths = np.zeros(2, int)
    for _ in range(60):
        new, _, dones, infos = vec_env.step(np.zeros(2, int))
        lengths += 1
        for i in range(2):
            assert isinstance(new, np.ndarray)
            last = infos[i]["terminal_observation"] if dones[i] else new[i]
            assert last[1] == obs[i][1], "of the same episode"
            assert last[2] == obs[i][2] + 1
            if dones[i]:
                even = obs[i][1] % 2 == 0
                assert infos[i]["TimeLimit.truncated"] is (not even)
                truncations, terminations = truncations + (not even), terminations + even
                assert new[i][2] == 0, "the first of the next"
                assert lengths[i] in [length for _, length in ended]
                lengths[i] = 0
            else:
                assert infos[i] == {}
        obs = new
    assert min(truncations, terminations) > 2


class Parts(gym.Env):
    """Observes a dict: a picture and a number."""

    observation_space = spaces.Dict(
        {"near": spaces.Box(-1, 1, (2,), np.float32), "kind": spaces.Discrete(3)}
    )
    action_space = spaces.MultiDiscrete([2, 3])

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self._look(), float(action[0]), self.steps >= 5, False, {}

    def _look(self) -> dict[str, Any]:
        near = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        return {"near": near, "kind": np.int64(self.steps % 3)}


worlds.register("worlds/Parts-v0", Parts)


def test_dict_observations_are_learned_from_and_resumed(run_sb3) -> None:
    options = {"env": "worlds/Parts-v0", "algo": "ppo", "n_envs": 4, "n_steps": 32,
               "batch_size": 32, "preset": "none", "budget": 1024, "lr": 3e-3,
               "log_every": 128, "eval_every": 512, "test_episodes": 8}  # fmt: skip
    uninterrupted = run_sb3("whole", checkpoint_every=128, **options)
    assert uninterrupted.objective == 5.0, "the first of the two actions is rewarded"
    with pytest.raises(lab.RunFailed) as failed:
        run_sb3("part", checkpoint_every=128, terminal=Stopping(512), **options)
    resumed = lab.resume(failed.value.dir)
    assert rows(resumed.dir) == rows(uninterrupted.dir)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-np.inf, np.inf, (2, 3), np.float64),
        spaces.Box(0, 255, (4, 4, 3), np.uint8),
        spaces.Box(np.array([-1.0, 0.0]), np.array([1.0, 2.0]), dtype=np.float32),
        spaces.Discrete(5, start=2),
        spaces.MultiDiscrete([2, 3]),
        spaces.MultiBinary(4),
        Parts.observation_space,
    ],
    ids=str,
)
def test_a_space_survives_as_plain_data(space) -> None:
    from lab.engine.checkpoint import check_plain

    plain = to_plain(space)
    check_plain(plain)
    assert from_plain(plain) == space


def test_a_picture_goes_through_a_convolution() -> None:
    sb3 = make_sb3(env="lab/Catch-v0", n_steps=8)
    assert isinstance(sb3.model.policy, ActorCriticCnnPolicy)
    assert sb3.predict(sb3.example(3)).shape == (3,)


# -- episodes that do not end

ENDLESS = {"env": "worlds/Odd-v0", "preset": "none", "algo": "ppo", "n_steps": 16, "batch_size": 16,
           "n_epochs": 1, "budget": 32, "eval_episodes": 2, "test_episodes": 4}  # fmt: skip


def test_an_evaluation_that_would_not_end_is_cut(run_sb3, monkeypatch) -> None:
    monkeypatch.setattr(context, "EVALUATION_STEPS", 50)
    result = run_sb3(**ENDLESS)
    assert {row["eval/truncated"] for row in rows(result.dir) if "eval/truncated" in row} == {2}
    assert result.summary["test"]["test/truncated"] == 4
    assert result.summary["test"]["test/length"] == 50
    assert (result.dir / "log.txt").read_text().count("worlds/Odd-v0 has no time limit") == 1


@pytest.mark.parametrize("algo", ["ppo", "dqn"])
def test_a_time_limit_bootstraps_and_holds_in_evaluation(run_sb3, monkeypatch, algo) -> None:
    seen: list[bool] = []
    step_wait = LentEnvs.step_wait

    def spy(self: LentEnvs) -> Any:
        obs, reward, done, infos = step_wait(self)
        seen.extend(info["TimeLimit.truncated"] for info in infos if "TimeLimit.truncated" in info)
        return obs, reward, done, infos

    monkeypatch.setattr(LentEnvs, "step_wait", spy)
    own = {"n_steps": None, "n_epochs": None, "learning_starts": 8} if algo == "dqn" else {}
    result = run_sb3(**{**ENDLESS, **own, "algo": algo, "max_episode_steps": 5})
    assert seen == [True] * 6
    for name in ("train/length", "eval/length", "test/length"):
        assert {row[name] for row in rows(result.dir) if name in row} == {5}
    assert result.summary["test"]["test/truncated"] == 0


def test_a_signal_in_an_evaluation_leaves_a_run_that_goes_on_to_the_same_end(run_sb3) -> None:
    options = {**CASES["dqn"], "preset": "none", "budget": 128, "eval_every": 32, "log_every": 32,
               "eval_episodes": 2, "test_episodes": 2, "max_episode_steps": 9}  # fmt: skip
    uninterrupted = run_sb3("whole", **options)
    with signal_in_evaluation(signal.SIGTERM, which=3):
        cut = run_sb3("cut", **options)
    assert (cut.state, cut.summary["signal"]) == ("interrupted", signal.SIGTERM)
    assert lab.resume(cut.dir).state == "finished"
    assert rows(cut.dir) == rows(uninterrupted.dir)
    mismatch = difference(
        last_state(uninterrupted.dir)["experiment"], last_state(cut.dir)["experiment"]
    )
    assert mismatch is None, mismatch


def test_a_larger_budget_does_not_explore_anew(run_sb3) -> None:
    options = {**CASES["dqn"], "preset": "none", "budget": 128, "log_every": 32,
               "eval_episodes": 1, "test_episodes": 1, "max_episode_steps": 9}  # fmt: skip
    run = run_sb3("it", **options).dir
    lab.resume(run, budget=2_560)
    later = [row for row in rows(run) if row["clock"] > 128 and "train/exploration_rate" in row]
    assert {row["train/exploration_rate"] for row in later} == {0.05}


def test_a_budget_below_a_rollout_says_what_it_will_do() -> None:
    said: list[str] = []
    make_sb3(algo="ppo", n_envs=2, budget=500, warn=said.append)
    (line,) = said
    assert line.startswith("--budget 500: a rollout of ppo is 4,096 env steps")


# -- what cannot be


def test_a_buffer_that_has_no_room_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(free_memory, "free_bytes", lambda device: 2**30)
    options: dict[str, Any] = {"env": "worlds/Odd-v0", "env_args": {"observation": "bytes last"}}
    message = r"--buffer-size 1,000,000 needs 10.7 GiB; this machine has 1.0 GiB free"
    with pytest.raises(lab.UsageError, match=message):
        make_sb3(algo="dqn", **options)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (
            {"algo": "ppo", "buffer_size": 5, "target_update_interval": 3},
            "ppo has no --buffer-size, --target-update-interval.",
        ),
        ({"algo": "dqn", "args": {"clip": 1}}, "dqn has no --args clip"),
        ({"algo": "dqn", "env": "Pendulum-v1"}, "dqn on Pendulum-v1: "),
        ({"algo": "sac"}, "sac on CartPole-v1: "),
        ({"policy": "CnnPolicy"}, "ppo on CartPole-v1: "),
        ({"env": "worlds/Odd-v0", "env_args": {"observation": "sequence"}}, "no fixed size"),
        ({"env": "worlds/Odd-v0", "env_args": {"observation": "many"}}, "1,000,000,000 states"),
        (
            {"algo": "dqn", "env": "worlds/Odd-v0", "env_args": {"action": "several"}},
            "dqn on worlds/Odd-v0: .*--algo ppo, a2c, trpo",
        ),
        (
            {"algo": "sac", "env": "worlds/Odd-v0", "env_args": {"action": "switches"}},
            "sac on worlds/Odd-v0: .*--algo ppo, a2c, trpo",
        ),
    ],
    ids=str,
)
def test_what_does_not_fit_is_a_plain_error(options, expected) -> None:
    with pytest.raises(lab.UsageError, match=expected):
        make_sb3(**options)


def test_nothing_goes_through_its_own_loggers(run_sb3, capfd) -> None:
    result = run_sb3(preset="tiny", budget=512)
    assert make_sb3(n_steps=8).model.logger.output_formats == []
    logged = {name for row in rows(result.dir) for name in row}
    assert {"train/loss", "train/value_loss", "train/return", "train/approx_kl"} <= logged
    assert capfd.readouterr() == ("", "")
    assert not list(result.dir.rglob("events.out*"))


def test_an_export_overwrites_nothing_and_makes_no_folder(run_sb3, tmp_path) -> None:
    from lab.trained import use

    result = run_sb3(preset="tiny", budget=256, eval_episodes=1, test_episodes=1)
    first = use(result.dir, "export")
    assert first == result.dir / "sb3.zip"
    for out in (None, first, tmp_path / "absent" / "model.zip"):
        with pytest.raises(lab.UsageError, match="--out "):
            use(result.dir, "export", out=out)
