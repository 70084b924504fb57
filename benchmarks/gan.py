"""Measure adversarial networks: modes of the ring and the grid, digits, classes, words, speed.

    python -m benchmarks.gan              all figures (about an hour on two cores)
    python -m benchmarks.gan points       modes and good samples of ring and grid, five seeds
    python -m benchmarks.gan digits       distances of samples from digits, with those of copies
    python -m benchmarks.gan classes      samples by class, and classes discovered without labels
    python -m benchmarks.gan words        sentences of a small grammar
    python -m benchmarks.gan speed        a step over a loop written by hand

Figures are of the test split, by shipped presets unless noted; times are CPU times of
one thread, in turn.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn
from torch.nn.functional import softplus

import lab
from benchmarks.measure import alternate, ratio, summed_up
from lab.compute import device
from lab.compute.device import Compute
from lab.engine.context import Context
from lab.plugins import discover
from lab.resolve import resolve
from lab_gan.config import Config
from lab_gan.gan import GAN

POINTS: Mapping[str, Mapping[str, Any]] = {
    "ring, non-saturating": {"data": "ring"},
    "ring, WGAN-GP": {"data": "ring", "preset": "ring-wgan-gp"},
    "ring, hinge": {"data": "ring", "preset": "ring-hinge"},
    "grid, non-saturating": {"data": "grid"},
}
ROUNDS = 9
STEPS = 100  # in a round


@click.group(invoke_without_command=True, help=__doc__)
@click.pass_context
def main(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        for command in (points, digits, classes, words, speed):
            context.invoke(command)


def train(**options: Any) -> tuple[lab.RunResult, float]:
    """Train in a scratch folder; return the result and CPU seconds."""
    began = time.process_time()
    fixed = {"wandb": "disabled", "media": False, "threads": 1}
    folder = tempfile.mkdtemp(prefix="lab-gan-")
    result = lab.run("gan", **{**fixed, **options, "runs_dir": folder})
    return result, time.process_time() - began


def over_seeds(name: str, metrics: Sequence[str], seeds: int, **options: Any) -> None:
    """Print test figures, seed by seed and in the mean."""
    results: dict[str, list[float]] = {metric: [] for metric in metrics}
    for seed in range(seeds):
        result, seconds = train(seed=seed, **options)
        for metric in metrics:
            results[metric].append(result.summary["test"][f"test/{metric}"])
        text = ", ".join(f"{metric} {results[metric][-1]:.3f}" for metric in metrics)
        print(f"{name}, seed {seed}: {text}; {seconds:.0f} s CPU", flush=True)
    for metric, values in results.items():
        print(f"{name}: {metric} {summed_up(values)}", flush=True)


@main.command("points")
@click.option("--seeds", default=5, show_default=True)
@click.option("--only", type=click.Choice(list(POINTS)), help="One line of the table.")
def points(seeds: int = 5, only: str | None = None) -> None:
    """Print the modes that samples cover, and the fraction of samples near one."""
    for name, options in POINTS.items():
        if only in (None, name):
            over_seeds(name, ("modes", "high_quality", "distance"), seeds, **options)


@main.command("digits")
@click.option("--seeds", default=3, show_default=True)
def digits(seeds: int = 3) -> None:
    """Print distances of samples from test digits, with the floor, a memorizer's and a mixture's,
    and how near samples are to the training data."""
    metrics = ("fid", "fid_real", "fid_memorizer", "fid_mixture", "precision", "recall", "kid")
    over_seeds("digits", (*metrics, "nearer", "copies"), seeds, data="digits")


@main.command("classes")
@click.option("--seeds", default=3, show_default=True)
def classes(seeds: int = 3) -> None:
    """Print the fraction of samples that are of the requested class, by the source's features;
    the information of InfoGAN's codes; and the accuracy with few labels."""
    for way in ("concat", "projection", "auxiliary"):
        metrics = ("agreement", "fid", "fid_real")
        over_seeds(f"digits, {way}", metrics, seeds, data="digits", conditional=way)
    over_seeds("digits, InfoGAN", ("information", "fid"), seeds, data="digits", info_categorical=10)
    few = {"n_labeled_per_class": 10, "loss": "non-saturating", "r1": 1.0}
    over_seeds("digits, ten labels a class", ("accuracy",), seeds, data="digits", **few)


@main.command("words")
@click.option("--seeds", default=3, show_default=True)
def words(seeds: int = 3) -> None:
    """Print the fractions of sentences that are grammatical, new, and distinct."""
    over_seeds("sentences", ("known", "new", "distinct", "distance"), seeds, data="sentences")


# -- speed


@main.command("speed")
@click.option("--rounds", default=ROUNDS, show_default=True)
def speed(rounds: int = ROUNDS) -> None:
    """Print the CPU time of a step over that of a loop written by hand: 784-128-128 networks,
    batches of 64."""
    with (
        device.configured(threads=1, deterministic=False),
        tempfile.TemporaryDirectory() as folder,
    ):
        gan = make(Path(folder))
        with closing(gan.ctx):
            contestants = {"lab": ours(gan), "lab again": ours(gan), "bare loop": bare(gan)}
            seconds = alternate(contestants, rounds)
    base = seconds["bare loop"]
    print(f"bare loop: {1e6 * statistics.median(base) / STEPS:.0f} us CPU a step")
    for name in ("lab", "lab again"):
        print(f"{name} over bare loop: {ratio(seconds[name], base)}")
    print(f"noise, lab against itself: {ratio(seconds['lab again'], seconds['lab'])}")


def make(folder: Path) -> GAN:
    flags = {"data": "affine-digits", "data_args": {"size": 28}, "arch": "mlp", "budget": 10**9}
    resolved = resolve(discover().experiment("gan"), flags, preset="none")
    ctx = Context(
        seed=0, budget=10**9, dir=folder, compute=Compute(torch.device("cpu")),
        sources=discover().sources(),
    )  # fmt: skip
    assert isinstance(resolved.config, Config)
    gan = GAN(resolved.config, ctx)
    gan.batches.next()  # reads the data
    return gan


def ours(gan: GAN) -> Callable[[], None]:
    def once() -> None:
        for _ in range(STEPS):
            gan.step()

    return once


def bare(gan: GAN) -> Callable[[], None]:
    """Return a round of the loop that one would write: the same networks, losses, averages and
    optimizers, on images in memory."""
    c = gan.config
    train = gan.data.train.inputs
    generator = nn.Sequential(
        nn.Linear(c.latent_dim, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(),
        nn.Linear(128, 784), nn.Unflatten(1, (1, 28, 28)), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128),
        nn.LeakyReLU(0.2), nn.Linear(128, 1),
    )  # fmt: skip
    betas = (c.beta1, c.beta2)
    g_optimizer = torch.optim.Adam(generator.parameters(), c.lr, betas, fused=True)
    d_optimizer = torch.optim.Adam(discriminator.parameters(), c.lr, betas, fused=True)
    averages = [p.detach().clone() for p in generator.parameters()]

    def once() -> None:
        order = torch.randperm(len(train))
        for number in range(STEPS):
            start = number * c.batch_size % (len(train) - c.batch_size)
            real = train[order[start : start + c.batch_size]].float() / 127.5 - 1
            with torch.no_grad():
                fake = generator(torch.randn(c.batch_size, c.latent_dim))
            d_optimizer.zero_grad(set_to_none=True)
            d_real, d_fake = discriminator(torch.cat([real, fake])).chunk(2)
            d_loss = softplus(-d_real).mean() + softplus(d_fake).mean()
            d_loss.backward()
            d_optimizer.step()
            discriminator.requires_grad_(False)
            g_optimizer.zero_grad(set_to_none=True)
            fake = generator(torch.randn(c.batch_size, c.latent_dim))
            g_loss = softplus(-discriminator(fake)).mean()
            g_loss.backward()
            g_optimizer.step()
            discriminator.requires_grad_(True)
            with torch.no_grad():
                torch._foreach_lerp_(averages, list(generator.parameters()), 0.001)

    return once


if __name__ == "__main__":
    main()
