"""Measure diffusion and flow matching: points, the score, digits, classes, mnist5k, steps.

    python -m benchmarks.diffusion            all figures (some hours on two cores)
    python -m benchmarks.diffusion points     modes and good samples of ring and grid
    python -m benchmarks.diffusion score      the learned score beside the exact one, by noise
    python -m benchmarks.diffusion digits     distances of samples from digits, and copies
    python -m benchmarks.diffusion classes    samples by class, by strength of guidance
    python -m benchmarks.diffusion mnist5k    beside a GAN and a VAE of as much CPU time
    python -m benchmarks.diffusion steps      what fewer steps of sampling cost

Figures are of the test split, by shipped presets, means over seeds; CPU seconds are those of one
thread. Results are kept in benchmarks/results/diffusion.json, part by part.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import torch

import lab
from benchmarks.measure import keep
from lab.generative import centered, measure_samples
from lab_diffusion.exact import Mixture, score_errors
from lab_diffusion.process import at

RESULTS = Path(__file__).parent / "results" / "diffusion.json"
METHODS = ("ddpm", "flow")
LEVELS = (0.01, 0.03, 0.1, 0.3, 0.6, 0.95)  # sigma / sqrt(alpha^2 + sigma^2)
DISTANCES = (
    "fid", "fid_real", "fid_memorizer", "kid", "precision", "recall", "coverage", "nearer", "copies"
)  # fmt: skip

Row = dict[str, Any]


def train(experiment: str = "diffusion", folder: str | None = None, **options: Any) -> Row:
    """Run once; return the test metrics, CPU seconds, and the run's folder."""
    began = time.process_time()
    fixed: Row = {"wandb": "disabled", "media": False, "threads": 1}
    place = folder or tempfile.mkdtemp(prefix="lab-diffusion-")
    result = lab.run(experiment, runs_dir=place, **{**fixed, **options})
    test = {name.removeprefix("test/"): value for name, value in result.summary["test"].items()}
    return {**test, "seconds": time.process_time() - began, "dir": result.dir}


def summary(label: str, metrics: Sequence[str], runs: Sequence[Mapping[str, Any]]) -> Row:
    """Print and return figures by seed, their means, and the CPU seconds of a run."""
    row: Row = {"label": label, "seconds": round(statistics.median(run["seconds"] for run in runs))}
    for metric in metrics:
        values = [round(float(run[metric]), 4) for run in runs if metric in run]
        if values:
            row[metric] = {"mean": round(statistics.mean(values), 4), "values": values}
    means = " ".join(f"{name} {row[name]['mean']:.3f}" for name in metrics if name in row)
    print(f"{label:36} {means}; {row['seconds']} s", flush=True)
    return row


def points(seeds: Sequence[int]) -> list[Row]:
    """Modes that samples cover, and the fraction of samples near one."""
    metrics = ("modes", "high_quality", "distance", "score_error")
    return [
        summary(f"{data}, {method}", metrics, [train(data=data, method=method, seed=seed)
                                               for seed in seeds])
        for data in ("ring", "grid")
        for method in METHODS
    ]  # fmt: skip


def score(seeds: Sequence[int]) -> list[Row]:
    """Squared error of the noise, to its mean given x_t, and how far a guess of 0 is from that."""
    rows = []
    for method in METHODS:
        by_seed = [_score_by_level(method, seed) for seed in seeds]
        for number, level in enumerate(LEVELS):
            runs = [levels[number] for levels in by_seed]
            label = f"ring, {method}, noise {level}"
            rows.append(summary(label, ("error", "size"), runs))
    return rows


def _score_by_level(method: str, seed: int) -> list[Row]:
    trained = train(data="ring", method=method, seed=seed)
    run: Any = lab.load(trained["dir"])
    mixture = Mixture.of(run.data)
    assert mixture is not None
    clean = centered(run.data.test.first(1_000)["inputs"], run.info)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
    rows = []
    with run.updater.averaged(), torch.no_grad():
        for level in LEVELS:
            time_ = at(_time_of(run.process, level), clean)
            x = run.process.noised(clean, noise, time_)
            error = score_errors(mixture, run.process, x, run.net(x, time_), time_)
            size = mixture.noise(x, *run.process.scales(time_, x)).square().mean()
            rows.append({"error": error.mean(), "size": size, "seconds": trained["seconds"]})
    return rows


def _time_of(process: Any, level: float) -> float:
    """Return the time whose noise is nearest to a level."""
    times = torch.linspace(0.001, 0.999, 999)
    alpha, sigma = process.scales(times, times)
    return float(times[(sigma / (alpha**2 + sigma**2).sqrt() - level).abs().argmin()])


def digits(seeds: Sequence[int]) -> list[Row]:
    """Distances of samples from test digits, and whether they are copies."""
    return [
        summary(f"digits, {method}", DISTANCES, [train(data="digits", method=method, seed=seed)
                                                 for seed in seeds])
        for method in METHODS
    ]  # fmt: skip


def classes(seeds: Sequence[int]) -> list[Row]:
    """Samples by class: as asked for, by the source's features, at strengths of guidance."""
    metrics = ("agreement", "fid", "fid_real", "precision", "recall")
    rows = []
    for method in METHODS:
        options: Row = {"data": "digits", "conditional": True, "method": method}
        runs = [train(**options, seed=seed) for seed in seeds]
        for guidance in (0.0, 1.0, 2.0, 4.0):
            measured = [resampled(run, guidance=guidance) for run in runs]
            rows.append(summary(f"digits, {method}, guidance {guidance:g}", metrics, measured))
    return rows


def mnist5k(seeds: Sequence[int]) -> list[Row]:
    """Distances of samples from test images, of three families after as much CPU time."""
    rows = []
    runs = [train(data="mnist5k", method="flow", seed=seed) for seed in seeds]
    rows.append(summary("mnist5k, flow", DISTANCES, runs))
    seconds = rows[0]["seconds"]
    ddpm = [train(data="mnist5k", method="ddpm", seed=seed) for seed in seeds]
    rows.append(summary("mnist5k, ddpm", DISTANCES, ddpm))
    gan: Row = {"experiment": "gan", "loss": "relativistic", "lr": 5e-4, "ema": 0.995}
    vae: Row = {"experiment": "ae", "kind": "vae", "latent_dim": 16, "lr": 2e-3, "fid": 1_000}
    for name, options in (
        ("gan, cnn", {**gan, "arch": "cnn"}),
        ("gan, mlp", {**gan, "arch": "mlp", "hidden": (256, 256)}),
        ("vae, cnn", {**vae, "arch": "cnn"}),
        ("vae, mlp", {**vae, "arch": "mlp", "hidden": (512, 256)}),
    ):
        options = {**options, "data": "mnist5k", "preset": "none"}
        options["budget"] = _affordable(options, seconds)
        options["eval_every"] = options["budget"] // 4
        others = [train(**options, seed=seed) for seed in seeds]
        rows.append(summary(f"mnist5k, {name}", DISTANCES, others))
    return rows


def _affordable(options: Mapping[str, Any], seconds: float) -> int:
    """Return how many samples are trained on in so many CPU seconds, by two short runs."""
    folder = tempfile.mkdtemp(prefix="lab-diffusion-")
    spent = [
        train(**options, folder=folder, budget=budget, eval_every=budget)["seconds"]
        for budget in (1_280, 3_840, 8_960)  # the first learns the features
    ]
    rate = (8_960 - 3_840) / max(1e-3, spent[2] - spent[1])
    return int(rate * seconds) // 1_000 * 1_000


def steps(seeds: Sequence[int]) -> list[Row]:
    """Quality by the number of times that the network is asked for a sample."""
    rows = []
    ways: tuple[tuple[str, str, Row, int], ...] = (
        ("ddpm", "DDIM", {"eta": 0.0}, 1),
        ("ddpm", "chain", {"eta": 1.0}, 1),
        ("flow", "Euler", {"solver": "euler"}, 1),
        ("flow", "Heun", {"solver": "heun"}, 2),
    )
    for data, metrics in (("ring", ("high_quality", "modes")), ("digits", ("fid", "fid_real"))):
        runs = {
            method: [train(data=data, method=method, seed=seed) for seed in seeds]
            for method in METHODS
        }
        for method, name, how, cost in ways:
            for asked in (4, 8, 16, 32, 64, 128):
                measured = [resampled(run, steps=asked // cost, **how) for run in runs[method]]
                label = f"{data}, {name}, asked {asked} times"
                rows.append(summary(label, metrics, measured))
    return rows


def resampled(trained: Mapping[str, Any], **how: Any) -> Row:
    """Return test figures of samples that a trained run draws in another way, and CPU seconds."""
    with _loaded(trained["dir"]) as run:
        began = time.process_time()
        wanted = run.evaluator.classes("test", run.config.eval_samples)
        noise = run.sampler.noise(run.config.eval_samples)
        samples = run.sampler.from_noise(noise, wanted, run.sampler.how(**how))
        seconds = time.process_time() - began
        domain = run.evaluator.domain
        metrics: Row = dict(measure_samples(samples, "test", run.data, domain))
        if wanted is not None:
            named = domain.logits(samples).argmax(1)
            metrics["agreement"] = float((named == wanted).double().mean())
        return {**metrics, "seconds": seconds}


@contextmanager
def _loaded(folder: Path) -> Iterator[Any]:
    run: Any = lab.load(folder)
    run.ctx.generator.manual_seed(0)
    with run.updater.averaged():
        yield run


PARTS: Mapping[str, tuple[Callable[[Sequence[int]], list[Row]], int]] = {  # and seeds
    "points": (points, 5),
    "score": (score, 3),
    "digits": (digits, 3),
    "classes": (classes, 1),
    "mnist5k": (mnist5k, 3),
    "steps": (steps, 1),
}


@click.command(help=__doc__)
@click.argument("names", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--seeds", type=click.IntRange(1), help="Runs of each figure.")
def main(names: Sequence[str] = (), seeds: int | None = None) -> None:
    for name in names or PARTS:
        measure, usual = PARTS[name]
        print(f"\n{name}: {measure.__doc__}")
        keep(RESULTS, name, measure(range(seeds or usual)))


if __name__ == "__main__":
    main()
