"""A run that is killed anywhere and resumed equals the run that never stopped, to the bit."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helpers
import pytest
from dqn_tools import rows as transitions
from helpers import difference, last_state, noting, rows, summary

import lab

COMMON = {
    "preset": "tiny",
    "budget": 800,
    "eval_every": 400,
    "test_episodes": 5,
    "target_update_interval": 37,
    "learning_starts": 100,
}
CASES: dict[str, dict[str, Any]] = {
    "native": {"n_envs": 4},
    "one environment": {
        "n_envs": 1,
        "train_freq": 16,
        "gradient_steps": 8,
        "max_episode_steps": 7,
    },
    "held actions": {
        "env": "MountainCar-v0",
        "n_envs": 3,
        "temporally_extended": True,
        "scale_obs": True,
        "epsilon_end": 0.3,
    },
    "quantiles and noise": {"n_envs": 2, "quantiles": 8, "double": True, "noisy": True},
    "everything": {
        "n_envs": 2,
        "prioritized": True,
        "n_step": 3,
        "double": True,
        "dueling": True,
        "buffer_size": 300,
    },
    "pictures": {
        "env": "lab/Catch-v0",
        "env_args": "rows=8,columns=8,cell=2",
        "frame_stack": 3,
        "n_envs": 2,
        "hidden": (16,),
        "batch_size": 16,
        "buffer_size": 400,
    },
    "without replay": {
        "n_envs": 4,
        "replay": False,
        "n_step": 2,
        "tau": 0.5,
        "max_episode_steps": 11,
    },
}


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start `lab run dqn` in the test's own folder; whatever still lives at the end is killed."""
    children: list[subprocess.Popen[bytes]] = []
    env = helpers.child_environment(helpers.ROOT / "tests")

    def start(name: str, options: dict[str, Any]) -> subprocess.Popen[bytes]:
        child = helpers.start_warm(
            [*helpers.lab_command("run", "dqn", "--name", name, "--quiet"), *words(options)],
            cwd=tmp_path,
            env=env,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.wait()


def words(options: dict[str, Any]) -> list[str]:
    """Write options as a user types them."""
    arguments = ["--wandb", "disabled", "--no-media", "--checkpoint-every", "50"]
    for name, value in options.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            arguments.append(f"--{option}" if value else f"--no-{option}")
        else:
            text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            arguments += [f"--{option}", text]
    return arguments


def kill_at(child: subprocess.Popen[bytes], folder: Path, checkpoints: int, pause: float) -> None:
    """Send SIGKILL a moment after so many checkpoints were written."""
    end = time.monotonic() + helpers.LONG
    while len(written(folder)) < checkpoints:
        assert child.poll() is None, f"ended by itself with {child.returncode}"
        assert time.monotonic() < end
        time.sleep(0.002)
    time.sleep(pause)
    assert child.poll() is None, "ended before it could be killed"
    child.kill()
    child.wait()


def written(folder: Path) -> set[int]:
    names = [path.stem for path in (folder / "checkpoints").glob("*.pt")]
    return {int(name) // 50 for name in names if name.isdigit()}


def same(resumed: Path, uninterrupted: Path) -> None:
    """Rows, weights, optimizer, replay, generators, environments, and the final test."""
    assert rows(resumed) == rows(uninterrupted)
    assert difference(last_state(resumed), last_state(uninterrupted)) is None
    assert summary(resumed)["test"] == summary(uninterrupted)["test"]
    assert summary(resumed)["objective"] == summary(uninterrupted)["objective"]


def prove(case: str, kills: int, spawn: Any, tmp_path: Path, seed: int = 0) -> None:
    options = {**COMMON, **CASES[case], "seed": seed, "keep_checkpoints": 0}
    uninterrupted = lab.run("dqn", runs_dir=tmp_path / "whole", wandb="disabled", media=False,
                    name=case.replace(" ", "-"), checkpoint_every=50, **options).dir  # fmt: skip
    folder = tmp_path / "runs" / "killed"
    chance = random.Random(f"{case} {seed}")
    kill_at(spawn("killed", options), folder, chance.randint(3, 9), chance.uniform(0, 0.02))
    for _ in range(kills - 1):
        done = len(written(folder))
        if done > 10:
            break
        kill_at(resuming(folder), folder, done + chance.randint(1, 4), chance.uniform(0, 0.02))
    assert summary(folder)["state"] == "running"  # as it was when it died
    result = lab.resume(folder, wandb="disabled")
    assert result.state == "finished"
    same(folder, uninterrupted)


def resuming(folder: Path) -> subprocess.Popen[bytes]:
    return helpers.start_warm(
        helpers.lab_command("resume", folder, "--quiet", "--wandb", "disabled"),
        env=helpers.child_environment(helpers.ROOT / "tests"),
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("case", CASES)
def test_a_run_killed_by_sigkill_resumes_to_the_same_bits(spawn, tmp_path, case) -> None:
    prove(case, 1, spawn, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("case", CASES)
def test_a_run_killed_again_and_again_resumes_to_the_same_bits(spawn, tmp_path, case, seed) -> None:
    prove(case, 3, spawn, tmp_path, seed)


class Interrupt(Exception):
    """The process dies here."""


def cut(run_dqn: Any, monkeypatch: Any, steps: int, **options: Any) -> Path:
    """Train until the given number of learning steps, and die as the machine would."""
    from lab_dqn.dqn import DQN

    step, left = DQN.step, iter(range(steps))

    def dying(self: DQN) -> int:
        if next(left, None) is None:
            raise Interrupt
        return step(self)

    monkeypatch.setattr(DQN, "step", dying)
    with pytest.raises(lab.RunFailed):
        run_dqn("cut", checkpoint_every=1, **options)
    monkeypatch.setattr(DQN, "step", step)
    return Path("runs") / "cut"


def test_exploration_goes_on_where_it_was(run_dqn, monkeypatch, tmp_path) -> None:
    """It restarts at 1 in other libraries, whose resumed runs unlearn."""
    options = {**COMMON, "exploration_fraction": 1.0, "epsilon_end": 0.0, "log_every": 40}
    folder = tmp_path / cut(run_dqn, monkeypatch, 6, **options)
    before = {row["clock"]: row["train/epsilon"] for row in rows(folder) if "train/epsilon" in row}
    lab.resume(folder, wandb="disabled")
    after = {row["clock"]: row["train/epsilon"] for row in rows(folder) if "train/epsilon" in row}
    assert after.items() >= before.items()
    for clock, epsilon in after.items():
        assert epsilon == pytest.approx(1 - clock / 800, abs=0.15)


def test_an_environment_whose_state_cannot_be_saved_says_that_episodes_restart(
    run_dqn, monkeypatch, tmp_path
) -> None:
    """Running normalization is no function of the episode's seed and actions."""
    options: dict[str, Any] = {
        "env": "worlds:worlds/Normalized-v0",
        "budget": 400,
        "n_step": 3,
        "n_envs": 2,
        "hidden": (8,),
        "learning_starts": 50,
        "train_freq": 20,
        "eval_episodes": 2,
        "test_episodes": 2,
    }
    folder = tmp_path / cut(run_dqn, monkeypatch, 10, **options)
    assert "on resume its episodes restart" in (folder / "log.txt").read_text()
    written = last_state(folder)["experiment"]["memory"]
    assert written["histories"]["continuing"].any()
    result = lab.resume(folder, wandb="disabled")
    assert result.state == "finished"


def test_where_episodes_restart_no_transition_joins_two_of_them(
    run_dqn, monkeypatch, tmp_path
) -> None:
    """worlds/Restarting-v0 shows (life, step): what is remembered never leads from one life, or
    from one step, to any but the next."""
    from lab_dqn.dqn import DQN

    options: dict[str, Any] = {
        "env": "worlds:worlds/Restarting-v0",
        "budget": 400,
        "n_envs": 2,
        "hidden": (8,),
        "train_freq": 7,
        "eval_episodes": 2,
        "test_episodes": 2,
        "learning_starts": 10**6,
    }
    folder = tmp_path / cut(run_dqn, monkeypatch, 10, **options)
    seen: list[DQN] = []
    remember = noting(DQN.remember, lambda self, steps: seen.append(self))
    monkeypatch.setattr(DQN, "remember", remember)
    lab.resume(folder, wandb="disabled")
    held = transitions(seen[-1].memory)
    assert len(held) >= 400
    for row in held:
        (life, step), (next_life, next_step) = row.obs[0], row.next_obs[0]
        assert (next_life, next_step) == (life, step + 1)


def test_a_larger_budget_trains_on(run_dqn) -> None:
    short = run_dqn(**{**COMMON, "budget": 500})
    longer = lab.resume(short.dir, budget=900, wandb="disabled")
    assert longer.state == "finished"
    assert longer.summary["clock"]["value"] >= 900
    clocks = [row["clock"] for row in rows(short.dir) if "eval/return" in row]
    assert clocks == sorted(set(clocks))


EXTENDED = {"eval_every": 400, "test_episodes": 2, "log_every": 40, "learning_starts": 100}


def epsilons(run: Path, after: int) -> set[float]:
    logged = [row for row in rows(run) if "train/epsilon" in row]
    return {row["train/epsilon"] for row in logged if row["clock"] > after}


def test_a_larger_budget_does_not_explore_anew(run_dqn, cli) -> None:
    run = run_dqn("it", preset="tiny", budget=400, prioritized=True, **EXTENDED).dir
    done = cli("resume", run, "--budget", 4_000)
    assert "Schedules that have ended stay so: epsilon, beta (--restart-schedules)." in done.stderr
    assert epsilons(run, 400) == {0.05}


def test_it_does_where_schedules_are_restarted(run_dqn) -> None:
    run = run_dqn("it", preset="tiny", budget=400, **EXTENDED).dir
    lab.resume(run, budget=4_000, restart_schedules=True)
    assert max(epsilons(run, 400)) > 0.5  # of 1,200 steps, 400 are done


def test_schedules_are_restarted_for_a_larger_budget_alone(run_dqn) -> None:
    run = run_dqn("it", preset="tiny", budget=400, stop_at="eval/return>=1", **EXTENDED).dir
    with pytest.raises(lab.UsageError, match="--restart-schedules is for a larger --budget"):
        lab.resume(run, stop_at="none", restart_schedules=True)
