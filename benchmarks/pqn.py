"""Measure PQN: how soon it solves CartPole-v1, beside learners with a replay; what presets come to.

    python -m benchmarks.pqn             all figures
    python -m benchmarks.pqn solve       CPU time until 475 on CartPole-v1, confirmed
    python -m benchmarks.pqn presets     test returns of the shipped presets, whole budgets
    python -m benchmarks.pqn ablation    the preset of CartPole-v1 without one of its parts

Figures go to benchmarks/results/pqn.json, part by part. Seconds are CPU time of one thread, with
evaluations and test.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

import lab
from benchmarks.measure import keep, summed_up
from lab_dqn.pqn_presets import PRESETS

RESULTS = Path(__file__).parent / "results" / "pqn.json"
THRESHOLD = 475
PEERS = 3  # seeds of what takes long
ARMS: Mapping[str, tuple[str, Mapping[str, Any]]] = {  # each with its preset of CartPole-v1
    "pqn": ("pqn", {}),
    "dqn": ("dqn", {}),
    "stable-baselines3's DQN, zoo": ("sb3", {"algo": "dqn"}),
}
WITHOUT: Mapping[str, Mapping[str, Any]] = {
    "as it is": {},
    "no LayerNorm": {"layer_norm": False},
    "one-step targets": {"q_lambda": 0.0},
    "Monte Carlo": {"q_lambda": 1.0},
    "rewards as they are": {"reward_scale": 1.0},
}

Figures = dict[str, list[float]]


def trained(folder: str, experiment: str, **options: Any) -> tuple[Mapping[str, Any], float]:
    """Run once; return the summary and CPU seconds."""
    began = time.process_time()
    fixed: dict[str, Any] = {"runs_dir": folder, "wandb": "disabled", "media": False, "threads": 1}
    result = lab.run(experiment, **fixed, **options)
    return result.summary, time.process_time() - began


def over_seeds(label: str, folder: str, seeds: int, experiment: str, **options: Any) -> Figures:
    """Print and return test returns, env steps and seconds by seed."""
    trained(folder, experiment, preset="tiny")  # imports
    figures: Figures = {"test_return": [], "env_steps": [], "seconds": []}
    for seed in range(seeds):
        summary, seconds = trained(folder, experiment, seed=seed, **options)
        figures["test_return"].append(summary["test"]["test/return"])
        figures["env_steps"].append(summary["clock"]["value"])
        figures["seconds"].append(seconds)
    solved = sum(value >= THRESHOLD for value in figures["test_return"])
    if options["env"] == "CartPole-v1":
        click.echo(f"{label:<28} {solved} of {seeds} seeds reach {THRESHOLD}")
    for name, values in figures.items():
        click.echo(f"{label:<28} {name:<12} {summed_up(values)}")
    return figures


def solve(folder: str, seeds: int) -> dict[str, Figures]:
    """Until the threshold is met, and met again on other episodes."""
    stop = f"eval/return>={THRESHOLD}"
    figures = {}
    for name, (experiment, options) in ARMS.items():
        number = seeds if name == "pqn" else min(seeds, PEERS)
        run = {"env": "CartPole-v1", "stop_at": stop, "eval_every": 2_500, **options}
        figures[name] = over_seeds(name, folder, number, experiment, **run)
    return figures


def presets(folder: str, seeds: int) -> dict[str, Figures]:
    return {
        name: over_seeds(name, folder, seeds, "pqn", env=name) for name in PRESETS if name != "tiny"
    }


def ablation(folder: str, seeds: int) -> dict[str, Figures]:
    return {
        name: over_seeds(name, folder, min(seeds, PEERS), "pqn", env="CartPole-v1", **options)
        for name, options in WITHOUT.items()
    }


PARTS: Mapping[str, Callable[[str, int], dict[str, Any]]] = {
    "solve": solve,
    "presets": presets,
    "ablation": ablation,
}


@click.command()
@click.argument("part", type=click.Choice([*PARTS, "all"]), default="all")
@click.option("--seeds", type=click.IntRange(1), default=10, show_default=True)
def main(part: str, seeds: int) -> None:
    for name in PARTS if part == "all" else [part]:
        with tempfile.TemporaryDirectory() as folder:
            keep(RESULTS, name, PARTS[name](folder, seeds))


if __name__ == "__main__":
    main()
