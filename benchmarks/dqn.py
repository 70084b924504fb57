"""Measure DQN against stable-baselines3, in one process, alternating, on one thread.

    python -m benchmarks.dqn                 all figures (about an hour on two cores)
    python -m benchmarks.dqn speed           equal work: env steps per second
    python -m benchmarks.dqn solve           time to 475 on CartPole-v1, shipped preset and zoo's
    python -m benchmarks.dqn presets         test returns of the shipped presets
    python -m benchmarks.dqn overhead        what the runner costs over the bare loop
    python -m benchmarks.dqn startup         `lab --help`, `lab plugins` and `import click`

Figures are medians with their spread. Evaluation is taken out of every time, ours and theirs.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click
import gymnasium as gym
import numpy as np
import torch

import lab
from lab.compute import device
from lab.compute.device import Compute
from lab.compute.rng import derive_seed
from lab.engine.context import Context
from lab.environments import make_envs, play_episodes
from lab.plugins import discover
from lab.resolve import resolve
from lab.statistics import mean_interval
from lab.tracking.terminal import PlainLines
from lab_dqn.config import Config
from lab_dqn.dqn import DQN

# rl-baselines3-zoo, hyperparams/dqn.yml: CartPole-v1
ZOO: Mapping[str, Any] = {
    "learning_rate": 2.3e-3,
    "batch_size": 64,
    "buffer_size": 100_000,
    "learning_starts": 1_000,
    "gamma": 0.99,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
    "policy_kwargs": {"net_arch": [256, 256]},
}
# the same work in our words; theirs syncs the target between rollouts, every 128 gradient steps
EQUAL: Mapping[str, Any] = {
    "env": "CartPole-v1",
    "preset": "none",
    "budget": 50_000,
    "n_envs": 1,
    "hidden": (256, 256),
    "lr": 2.3e-3,
    "batch_size": 64,
    "buffer_size": 100_000,
    "learning_starts": 1_000,
    "train_freq": 256,
    "gradient_steps": 128,
    "target_update_interval": 128,
    "exploration_fraction": 0.16,
    "epsilon_end": 0.04,
    "eval_every": 50_000,
    "eval_episodes": 1,
    "test_episodes": 1,
}
THRESHOLD = 475.0
EVAL_EVERY = 2_500
CONFIRM_EPISODES = 100


# -- timing


@dataclass
class Stopwatch:
    """Wall and CPU seconds that were spent inside `running`."""

    wall: float = 0.0
    cpu: float = 0.0

    @contextmanager
    def running(self) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            self.wall += time.perf_counter() - wall
            self.cpu += time.process_time() - cpu


LEARNING, EVALUATION, COMPILATION = Stopwatch(), Stopwatch(), Stopwatch()


class TimedDQN(DQN):
    """DQN that notes what its steps, evaluation and the first update (compilation) took."""

    def __init__(self, config: Any, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self._update, self.update = self.update, self._first_update

    def _first_update(self, *tensors: Any) -> Any:
        self.update = self._update
        with COMPILATION.running():
            return self._update(*tensors)

    def step(self) -> int:
        with LEARNING.running():
            return super().step()

    def evaluate(self, split: str) -> Mapping[str, float]:
        with EVALUATION.running():
            return super().evaluate(split)


def timed_run(runs_dir: Path, **options: Any) -> tuple[lab.RunResult, Stopwatch]:
    """Train through the public API; return the result and the time without evaluation and
    compilation."""
    spec = replace(discover().experiment("dqn"), experiment="benchmarks.dqn:TimedDQN")
    for watch in (LEARNING, EVALUATION, COMPILATION):
        watch.wall = watch.cpu = 0.0
    options = {"wandb": "disabled", "media": False, "threads": 1, **options}
    total = Stopwatch()
    with total.running():
        result = lab.run(spec, runs_dir=runs_dir, **options)
    spent = EVALUATION, COMPILATION
    total.wall -= sum(watch.wall for watch in spent)
    total.cpu -= sum(watch.cpu for watch in spent)
    return result, total


def summary(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.4g} [{min(values):.4g}, {max(values):.4g}]"


def bootstrap_ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % percentile-bootstrap interval of median(theirs) / median(ours)."""
    rng = np.random.default_rng(0)
    a = np.median(rng.choice(ours, (10_000, len(ours))), axis=1)
    b = np.median(rng.choice(theirs, (10_000, len(theirs))), axis=1)
    low, high = np.quantile(b / a, [0.025, 0.975])
    return float(low), float(high)


# -- 1. equal work


def sb3_model(seed: int) -> Any:
    from stable_baselines3 import DQN as Theirs

    return Theirs("MlpPolicy", gym.make("CartPole-v1"), seed=seed, device="cpu", **ZOO)


def sb3_equal_work(seed: int, runs_dir: Path) -> Stopwatch:
    model, watch = sb3_model(seed), Stopwatch()
    with watch.running():
        model.learn(EQUAL["budget"])
    return watch


def our_equal_work(compiled: bool) -> Callable[[int, Path], Stopwatch]:
    def run(seed: int, runs_dir: Path) -> Stopwatch:
        return timed_run(runs_dir, **EQUAL, seed=seed, compile=compiled)[1]

    return run


def speed(rounds: int = 5) -> None:
    """Print env steps per second at equal work, and the ratios round by round."""
    arms = {
        "stable-baselines3": sb3_equal_work,
        "lab, eager": our_equal_work(False),
        "lab, --compile": our_equal_work(True),
    }
    times: dict[str, list[Stopwatch]] = {name: [] for name in arms}
    compile_seconds = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(rounds):
            for name, arm in arms.items():
                times[name].append(arm(seed, Path(scratch)))
                if name == "lab, --compile":
                    compile_seconds.append(COMPILATION.wall)
                print(f"  round {seed} {name}: {times[name][-1].wall:.1f} s", file=sys.stderr)
    print(f"Equal work: {EQUAL['budget']:,} env steps, [256, 256], batch 64, {rounds} rounds")
    theirs = times["stable-baselines3"]
    for name, watches in times.items():
        rate = [EQUAL["budget"] / watch.wall for watch in watches]
        wall = [b.wall / a.wall for a, b in zip(watches, theirs, strict=True)]
        cpu = [b.cpu / a.cpu for a, b in zip(watches, theirs, strict=True)]
        print(f"{name:20} env steps/s {summary(rate)}")
        print(f"{'':20} times stable-baselines3: wall {summary(wall)}, CPU {summary(cpu)}")
    print(f"compile seconds {summary(compile_seconds)}, not counted above")


# -- 2. time to the threshold


@dataclass
class Passage:
    """When a seed got to the threshold, if it did, and what its weights are worth afterwards."""

    seconds: float = float("inf")
    cpu: float = float("inf")
    steps: int = 0
    confirmed: float = float("nan")
    passed: list[int] = field(default_factory=list)


def greedy_return(q: Callable[[Any], Any], episodes: int, seed: int) -> float:
    envs = make_envs("CartPole-v1", episodes)
    try:
        return float(
            play_episodes(envs, lambda obs: q(obs).argmax(1), episodes, seed=seed).returns.mean()
        )
    finally:
        envs.close()


def our_passage(seed: int, runs_dir: Path, **options: Any) -> Passage:
    """Train with the shipped preset until 20 and then 100 other episodes confirm the threshold."""
    passage = Passage()
    total = Stopwatch()
    result, total = timed_run(
        runs_dir,
        env="CartPole-v1",
        seed=seed,
        budget=50_000,
        eval_every=EVAL_EVERY,
        stop_at=f"eval/return>={THRESHOLD}",
        test_episodes=CONFIRM_EPISODES,
        **options,
    )
    passage.steps = result.summary["clock"]["value"]
    passage.confirmed = result.summary["test"]["test/return"]
    if passage.confirmed >= THRESHOLD:
        passage.seconds = total.wall + COMPILATION.wall
        passage.cpu = total.cpu + COMPILATION.cpu
    return passage


def sb3_passage(seed: int, runs_dir: Path) -> Passage:
    """Train stable-baselines3 with the zoo's parameters, evaluated on the same grid.

    One call of learn with the whole budget: its schedules count from there.
    """
    from stable_baselines3.common.callbacks import BaseCallback

    model, watch, passage = sb3_model(seed), Stopwatch(), Passage()

    def q(obs: Any) -> Any:
        with torch.no_grad():
            return model.q_net(torch.as_tensor(obs)).numpy()

    class Examination(BaseCallback):
        def _on_step(self) -> bool:
            if self.num_timesteps % EVAL_EVERY:
                return True
            with EVALUATION.running():
                return not self._passes()

        def _passes(self) -> bool:
            passage.steps = self.num_timesteps
            if greedy_return(q, 20, derive_seed(seed, "eval")) < THRESHOLD:
                return False
            passage.confirmed = greedy_return(q, CONFIRM_EPISODES, derive_seed(seed, passage.steps))
            return passage.confirmed >= THRESHOLD

    EVALUATION.wall = EVALUATION.cpu = 0.0
    with watch.running():
        model.learn(EQUAL["budget"], callback=Examination())
    if passage.confirmed >= THRESHOLD:
        passage.seconds = watch.wall - EVALUATION.wall
        passage.cpu = watch.cpu - EVALUATION.cpu
    return passage


def solve(seeds: int = 10) -> None:
    """Print how many seeds get to the threshold, and how long that takes."""
    arms = {"stable-baselines3, zoo": sb3_passage, "lab, shipped preset": our_passage}
    passages_of: dict[str, list[Passage]] = {name: [] for name in arms}
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(seeds):
            for name, arm in arms.items():
                passage = arm(seed, Path(scratch))
                passages_of[name].append(passage)
                print(
                    f"  seed {seed} {name}: {passage.seconds:.1f} s, {passage.steps:,} steps, "
                    f"{passage.confirmed:.1f} on {CONFIRM_EPISODES} other episodes",
                    file=sys.stderr,
                )
    print(f"CartPole-v1 to a greedy return of {THRESHOLD:g} within 50,000 env steps")
    for name, passages in passages_of.items():
        solved = sum(p.seconds < float("inf") for p in passages)
        print(f"{name:24} {solved}/{seeds} seeds; seconds {summary([p.seconds for p in passages])}")
        print(f"{'':24} CPU {summary([p.cpu for p in passages])}")
        print(f"{'':24} env steps {summary([p.steps for p in passages])}")
    ours = [min(p.seconds, 1e9) for p in passages_of["lab, shipped preset"]]
    theirs = [min(p.seconds, 1e9) for p in passages_of["stable-baselines3, zoo"]]
    low, high = bootstrap_ratio(ours, theirs)
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"ratio of medians {ratio:.2f}, 95 % bootstrap interval [{low:.2f}, {high:.2f}]")


# -- 3. presets


def presets(seeds: int = 5) -> None:
    """Print the test return of the selected weights of every tuned preset, seed by seed."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in discover().experiment("dqn").presets:
            if name == "tiny":
                continue
            results = [
                timed_run(Path(scratch), env=name, seed=seed)[0].summary for seed in range(seeds)
            ]
            means = [result["test"]["test/return"] for result in results]
            interval = mean_interval(means)
            ends = f" [{interval[0]:.1f}, {interval[1]:.1f}]" if interval else ""
            each = ", ".join(f"{mean:.1f}" for mean in means)
            seconds = summary([result["seconds"] for result in results])
            print(f"{name}: {each}; mean {np.mean(means):.1f}{ends}, {seconds} s")


# -- 4. overhead


def bare_loop(seed: int, **options: Any) -> Stopwatch:
    """Train the same experiment, to the same weights, with nothing around it."""
    plugins = discover()
    spec = plugins.experiment("dqn")
    resolved = resolve(spec, {**options, "seed": seed})
    budget = int(resolved.run.budget or 0)
    ctx = Context(
        seed=seed,
        budget=budget,
        dir=Path(),
        compute=Compute(torch.device("cpu")),
        environments=plugins.environments(),
    )
    watch = Stopwatch()
    with device.configured(threads=1, deterministic=False), closing(ctx):
        assert isinstance(resolved.config, Config)
        experiment = DQN(resolved.config, ctx)
        with watch.running():
            while ctx.clock < budget:
                ctx.clock += experiment.step()
    return watch


def overhead(rounds: int = 9) -> None:
    """Print the CPU time of a whole run (W&B offline, plain progress, checkpoints) over that of the
    bare loop, evaluation taken out, and the same ratio of the bare loop with itself.

    CPU time of the same work drifts by more than the runner costs where other machines share the
    processor. So the first figure is printed with its noise, and the second counts directly what is
    spent in neither the experiment's steps nor its evaluations.
    """
    options: dict[str, Any] = {"env": "CartPole-v1"}
    overheads, noise, outside = [], [], []
    with tempfile.TemporaryDirectory() as scratch, Path(os.devnull).open("w") as null:
        kwargs = {**options, "wandb": "offline", "terminal": PlainLines(null)}
        timed_run(Path(scratch), **{**kwargs, "budget": 2_000})  # imports
        for seed in range(rounds):
            first = bare_loop(seed, **options).cpu
            run = timed_run(Path(scratch), seed=seed, **kwargs)[1].cpu + COMPILATION.cpu
            second = bare_loop(seed, **options).cpu
            overheads.append(100 * (2 * run / (first + second) - 1))
            noise.append(100 * (first / second - 1))
            outside.append(100 * (run / (LEARNING.cpu) - 1))
            print(
                f"  round {seed}: {overheads[-1]:+.1f} %, A/A {noise[-1]:+.1f} %, "
                f"outside of the experiment {outside[-1]:.1f} %",
                file=sys.stderr,
            )
    print(f"runner over bare loop, CPU time: {summary(overheads)} %; A/A noise {summary(noise)} %")
    print(f"spent outside of the experiment, over what is spent in it: {summary(outside)} %")


# -- 5. start-up


def startup(rounds: int = 15) -> None:
    """Print the wall time of the light commands over that of a bare `import click`."""
    binary = Path(sys.executable).with_name("lab")
    commands = {
        "import click": [sys.executable, "-c", "import click"],
        "lab --help": [str(binary), "--help"],
        "lab plugins": [str(binary), "plugins"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            times[name].append(time.perf_counter() - began)
    base = times["import click"]
    for name, values in times.items():
        ratio = [a / b for a, b in zip(values, base, strict=True)]
        print(f"{name:14} {summary([1e3 * v for v in values])} ms, ratio {summary(ratio)}")


FIGURES = {f.__name__: f for f in (speed, solve, presets, overhead, startup)}


@click.command()
@click.argument("figures", nargs=-1, type=click.Choice(list(FIGURES)))
@click.option("--rounds", type=click.IntRange(1), help="Rounds, or seeds.")
def main(figures: tuple[str, ...], rounds: int | None) -> None:
    """Measure FIGURES; all of them where none is named."""
    torch.set_num_threads(1)
    for name in figures or FIGURES:
        print(f"\n# {name}")
        FIGURES[name](rounds) if rounds else FIGURES[name]()


if __name__ == "__main__":
    # as the module that TimedDQN is found in: the stopwatches are there
    from benchmarks.dqn import main as measure

    measure()
