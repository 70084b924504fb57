"""Measure policy gradients: what presets come to, and equal work beside stable-baselines3.

    python -m benchmarks.pg             all figures
    python -m benchmarks.pg solve       env steps and CPU time until 475 on CartPole-v1
    python -m benchmarks.pg cold        from a new process to 475 on CartPole-v1, confirmed
    python -m benchmarks.pg presets     test returns of the shipped presets, whole budgets; of
                                        some alone: --preset ppo-Acrobot-v1
    python -m benchmarks.pg speed       the same PPO, 8 environments, alternating rounds

Figures go to benchmarks/results/pg.json, part by part, and of presets each by itself. Seconds are
CPU time of one thread, those of `cold` wall time.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch

import lab
from benchmarks.measure import alternate, keep, ratio, summed_up
from lab.compute.device import Compute
from lab.engine.context import Context
from lab.plugins import discover
from lab_pg.config import Config
from lab_pg.pg import PG
from lab_pg.presets import PRESETS

RESULTS = Path(__file__).parent / "results" / "pg.json"
THRESHOLD = 475
ROUNDS = 5
WORK = 8 * 128 * 8  # env steps of a round: eight rollouts

Figures = dict[str, list[float]]
Part = Callable[[str, int], dict[str, Any]]  # folder, seeds -> figures by name


def trained(folder: str, **options: Any) -> tuple[Mapping[str, Any], float]:
    """Run once; return the summary and CPU seconds, evaluations and test included."""
    began = time.process_time()
    fixed: dict[str, Any] = {"runs_dir": folder, "wandb": "disabled", "media": False, "threads": 1}
    result = lab.run("pg", **fixed, **options)
    return result.summary, time.process_time() - began


def over_seeds(label: str, folder: str, seeds: int, **options: Any) -> Figures:
    """Print and return test returns, env steps and seconds by seed."""
    figures: Figures = {"test_return": [], "env_steps": [], "seconds": []}
    for seed in range(seeds):
        summary, seconds = trained(folder, seed=seed, **options)
        figures["test_return"].append(summary["test"]["test/return"])
        figures["env_steps"].append(summary["clock"]["value"])
        figures["seconds"].append(seconds)
    for name, values in figures.items():
        click.echo(f"{label:<28} {name:<12} {summed_up(values)}")
    return figures


def solve(folder: str, seeds: int) -> dict[str, Figures]:
    """Until the threshold is met, and met again on other episodes."""
    stop = f"eval/return>={THRESHOLD}"
    return {"CartPole-v1": over_seeds("solve", folder, seeds, env="CartPole-v1", stop_at=stop)}


def cold(folder: str, seeds: int) -> Figures:
    """Seconds of a new process until the line that confirms the threshold, and until it ends: after
    100 test episodes, and one that is shown. On the wall, and of CPU time: they are the same where
    nothing else runs."""
    words = [sys.executable, "-m", "lab", "run", "pg", "--env", "CartPole-v1", "--runs-dir", folder]
    words += ["--stop-at", f"eval/return>={THRESHOLD}", "--wandb", "disabled", "--seed"]
    pipes: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    figures: Figures = {"confirmed": [], "confirmed_cpu": [], "ended": []}
    for seed in range(seeds):
        began = time.perf_counter()
        with subprocess.Popen([*words, str(seed)], **pipes) as process:
            for line in process.stderr or ():
                if " confirmed at" in line and " not confirmed" not in line:
                    figures["confirmed"].append(time.perf_counter() - began)
                    figures["confirmed_cpu"].append(cpu_seconds(process.pid))
        figures["ended"].append(time.perf_counter() - began)
    for name, values in figures.items():
        median = statistics.median(values)
        click.echo(f"cold {name:<14} {median:.1f} s [{min(values):.1f}, {max(values):.1f}]")
    return figures


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a running process has taken, as Linux counts it."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def presets(folder: str, seeds: int, names: Sequence[str] = ()) -> dict[str, Figures]:
    figures = json.loads(RESULTS.read_text()).get("presets", {}) if RESULTS.exists() else {}
    for name in names or [name for name in PRESETS if name != "tiny"]:
        algo, _, env = name.partition("-")
        figures[name] = over_seeds(name, folder, seeds, algo=algo, env=env)
    return figures


def speed(folder: str, seeds: int) -> dict[str, Figures]:
    """The same networks, rollouts, epochs and minibatches; no evaluation, no files. Ours steps
    native vector environments, theirs their DummyVecEnv: to step is part of the work."""
    seconds = alternate({"lab": _ours(), "stable-baselines3": _theirs()}, ROUNDS)
    rates = {name: [WORK / value for value in values] for name, values in seconds.items()}
    for name, values in rates.items():
        click.echo(f"{name:<20} env steps per CPU second {statistics.median(values):,.0f}")
    click.echo(f"ratio                {ratio(rates['lab'], rates['stable-baselines3'])}")
    return {"env_steps_per_second": rates}


def _ours() -> Callable[[], None]:
    config = Config(env="CartPole-v1", n_envs=8, n_steps=128, batch_size=256, n_epochs=4,
                    optimizer="adam", lr=2.5e-4, clip_norm=0.5)  # fmt: skip
    compute = Compute(torch.device("cpu"))
    plugins = discover().environments()
    ctx = Context(seed=0, budget=10**9, dir=Path("nowhere"), compute=compute, environments=plugins)
    pg = PG(config, ctx)

    def work() -> None:
        end = ctx.clock + WORK
        while ctx.clock < end:
            ctx.clock += pg.step()
        ctx.window.clear()

    return work


def _theirs() -> Callable[[], None]:
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    model = PPO("MlpPolicy", make_vec_env("CartPole-v1", n_envs=8, seed=0), n_steps=128,
                batch_size=256, n_epochs=4, learning_rate=2.5e-4, device="cpu")  # fmt: skip

    def work() -> None:
        model.learn(WORK, reset_num_timesteps=False)

    return work


PARTS: Mapping[str, Part] = {
    "solve": solve,
    "cold": cold,
    "presets": presets,
    "speed": speed,
}


@click.command()
@click.argument("part", type=click.Choice([*PARTS, "all"]), default="all")
@click.option("--seeds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--preset", "names", multiple=True, type=click.Choice(list(PRESETS)))
def main(part: str, seeds: int, names: Sequence[str]) -> None:
    measured: Mapping[str, Part] = {**PARTS, "presets": partial(presets, names=names)}
    for name in measured if part == "all" else [part]:
        with tempfile.TemporaryDirectory() as folder:
            keep(RESULTS, name, measured[name](folder, seeds))


if __name__ == "__main__":
    main()
