"""Measure autoencoders: against closed forms, on digits, and against a loop written by hand.

    python -m benchmarks.ae                  all figures (about half an hour on two cores)
    python -m benchmarks.ae linear           tied and linear, against principal components
    python -m benchmarks.ae ppca             linear and variational, against the closed form
    python -m benchmarks.ae deep             test error at codes of 8 dimensions, over five folds
    python -m benchmarks.ae kinds            what each kind reaches on digits
    python -m benchmarks.ae bounds           bounds of the likelihood of bits, features of samples
    python -m benchmarks.ae speed            CPU time of a step, over a bare loop

Times are CPU times of one thread, measured in turn; ratios are medians over the rounds.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch import nn
from torch.nn import functional

import lab
from benchmarks.measure import alternate, ratio, summed_up
from lab.compute import device
from lab.compute.device import Compute
from lab.engine.context import Context
from lab.plugins import discover
from lab.resolve import resolve
from lab_ae.ae import AE
from lab_ae.config import Config

FOLDS = 5
SEEDS = 3
CODE = 8
KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "tied": {"tied": True},
    "denoising, masking 0.1": {"noise": "masking", "noise_level": 0.1},
    "contractive 0.01": {"contractive": 0.01},
    "sparse 0.2": {"code_activation": "sigmoid", "sparsity": 0.2, "sparsity_cost": 0.05},
    "convolutions": {"arch": "cnn"},
    "codebook, 4 of 64": {"kind": "vq", "latent_dim": 16},
    "variational": {"kind": "vae"},
}
BOUNDS: dict[str, dict[str, Any]] = {
    "bits drawn": {},
    "bits drawn, conditional": {"conditional": True},
    "bits from 0.5 on": {"binarize": "threshold"},
    "bits drawn, beta 4": {"beta": 4.0},
}
SAMPLES = 1_000  # samples whose features are measured
ROUNDS = 151  # many short ones: other work on the machine disturbs few of them
STEPS, BATCH = 20, 64  # in a round


@click.group(invoke_without_command=True, help=__doc__)
@click.pass_context
def main(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        for command in (linear, ppca, deep, kinds, bounds, speed):
            context.invoke(command)


def train(**options: Any) -> lab.RunResult:
    """Train on digits in a scratch folder."""
    fixed = {"data": "digits", "wandb": "disabled", "media": False, "probes": False}
    fixed |= {"runs_dir": tempfile.mkdtemp(prefix="lab-ae-")}
    result: lab.RunResult = lab.run("ae", **{**fixed, **options})
    return result


def columns(network: Any, split: str) -> Any:
    """Return the inputs of a split in the network's scale [N, D]."""
    examples = network.examples
    parts = [examples.inputs(batch).flatten(1) for batch in examples.batches(split)]
    return torch.cat(parts).double().numpy()


# -- closed forms

LINEAR = {"hidden": (), "latent_dim": CODE, "preset": "none", "lr": 1e-2, "schedule": "linear"}


@main.command("linear")
def linear() -> None:
    """Print the test error of a tied linear autoencoder and of principal components, by numpy."""
    for seed in range(SEEDS):
        result = train(**LINEAR, tied=True, budget=600_000, eval_every=600_000, seed=seed)
        network: Any = lab.load(result.dir, checkpoint="last")
        train_inputs, test_inputs = columns(network, "train"), columns(network, "test")
        first = np.linalg.svd(train_inputs - train_inputs.mean(0), full_matrices=False)[2][:CODE]
        centered = test_inputs - train_inputs.mean(0)
        truth = ((centered - centered @ first.T @ first) ** 2).sum(1).mean()
        own = np.linalg.qr(network.net.encoder[-1].weight.detach().double().numpy().T)[0]
        angle = np.degrees(np.arccos(np.linalg.svd(first @ own)[1].min().clip(0, 1)))
        error = result.summary["test"]["test/reconstruction"]
        print(
            f"seed {seed}: tied linear {error:.4f}, principal components {truth:.4f}, "
            f"ratio {error / truth:.4f}; largest angle of the subspaces {angle:.1f} degrees",
            flush=True,
        )


@main.command("ppca")
def ppca() -> None:
    """Print bounds of a linear variational autoencoder, and the log-likelihood of probabilistic
    principal components (Tipping and Bishop, 1999), in nats."""
    fixed = {**LINEAR, "kind": "vae", "loss": "mse", "learn_sigma": True}
    for seed in range(SEEDS):
        result = train(**fixed, budget=600_000, eval_every=600_000, seed=seed)
        network: Any = lab.load(result.dir, checkpoint="last")
        train_inputs, test_inputs = columns(network, "train"), columns(network, "test")
        values, vectors = np.linalg.eigh(np.cov(train_inputs.T, bias=True))
        noise = values[:-CODE].mean()
        ways = vectors[:, -CODE:] * np.sqrt(values[-CODE:] - noise)
        covariance = ways @ ways.T + noise * np.eye(len(values))
        centered = test_inputs - train_inputs.mean(0)
        inner = np.einsum("ni,ij,nj->n", centered, np.linalg.inv(covariance), centered).mean()
        truth = -0.5 * (np.linalg.slogdet(2 * np.pi * covariance)[1] + inner)
        test, sigma = result.summary["test"], network.net.log_sigma.exp().item()
        print(
            f"seed {seed}: ELBO {test['test/elbo']:.3f}, IWAE {test['test/iwae']:.3f}, closed form "
            f"{truth:.3f} nats; sigma {sigma:.4f}, closed form {noise**0.5:.4f}",
            flush=True,
        )


# -- digits


@main.command()
def deep() -> None:
    """Print the test error of the preset `digits` and of principal components."""
    errors, pca_errors = [], []
    for fold in range(FOLDS):
        began = time.process_time()
        test = train(fold=fold).summary["test"]
        errors.append(test["test/reconstruction"])
        pca_errors.append(test["test/pca_reconstruction"])
        print(
            f"fold {fold}: {errors[-1]:.4f}, principal components {pca_errors[-1]:.4f}, "
            f"{time.process_time() - began:.0f} s CPU",
            flush=True,
        )
    ratios = [ours / theirs for ours, theirs in zip(errors, pca_errors, strict=True)]
    print(f"64-256-128-{CODE}: {summed_up(errors)}; over principal components {summed_up(ratios)}")


@main.command()
@click.option("--seeds", default=SEEDS, show_default=True)
def kinds(seeds: int = SEEDS) -> None:
    """Print the test error of each kind, and the accuracy of probes of the codes."""
    for name, options in KINDS.items():
        tests = [train(**options, seed=seed, probes=True).summary["test"] for seed in range(seeds)]
        text = ", ".join(
            f"{metric} {summed_up([test[f'test/{metric}'] for test in tests])}"
            for metric in ("reconstruction", "knn_accuracy", "linear_accuracy")
        )
        print(f"{name}: {text}", flush=True)


@main.command()
@click.option("--seeds", default=SEEDS, show_default=True)
def bounds(seeds: int = SEEDS) -> None:
    """Print the bounds of variational autoencoders on bits, and the Fréchet distance of samples."""
    names = ("elbo", "iwae", "kl", "active_units", "fid", "fid_real", "fid_mixture")
    for name, options in BOUNDS.items():
        tests = [
            train(**{"kind": "vae", **options}, seed=seed, fid=SAMPLES, eval_every=200_000).summary[
                "test"
            ]
            for seed in range(seeds)
        ]
        texts = [f"{n} {summed_up([test[f'test/{n}'] for test in tests])}" for n in names]
        print(f"{name}: {', '.join(texts)}", flush=True)


# -- speed


@main.command()
def speed() -> None:
    """Print the CPU time of a step over that of a loop written by hand."""
    with device.configured(threads=1, deterministic=False):
        for kind, bare in (("ae", bare_plain), ("vae", bare_variational)):
            kinds: dict[str, Callable[[], None]] = {
                "ours": ours(kind),
                "ours again": ours(kind),
                "bare loop": bare(),
                "bare loop again": bare(),
            }
            seconds = alternate(kinds, ROUNDS)
            for name, values in seconds.items():
                each = 1e6 * statistics.median(values) / STEPS
                print(f"{kind}, {name:<16} {each:.0f} us a step")
            over_bare = ratio(seconds["ours"], seconds["bare loop"])
            print(f"{kind}, ours over the bare loop: {over_bare}, {ROUNDS} rounds")
            print(f"{kind}, ours over ours (A/A): {ratio(seconds['ours again'], seconds['ours'])}")


def ours(kind: str) -> Callable[[], None]:
    flags = {
        "data": "digits",
        "kind": kind,
        "batch_size": BATCH,
        "latent_dim": CODE,
        "optimizer": "adam",
    }
    resolved = resolve(discover().experiment("ae"), flags, preset="none")
    ctx = Context(
        seed=0, budget=10**9, dir=Path(tempfile.mkdtemp(prefix="lab-ae-")),
        compute=Compute(torch.device("cpu")), sources=discover().sources(),
    )  # fmt: skip
    assert isinstance(resolved.config, Config)
    experiment = AE(resolved.config, ctx)

    def steps() -> None:
        for _ in range(STEPS):
            experiment.step()

    return steps


def layers(*widths: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for before, after in pairwise(widths):
        parts += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


def images() -> torch.Tensor:
    """Return the training digits as bytes [N, 64]."""
    from sklearn.datasets import load_digits

    return torch.from_numpy((load_digits().data[:1_078] * 255 / 16).astype(np.uint8))


def bare_plain() -> Callable[[], None]:
    encoder, decoder = layers(64, 256, 128, CODE), layers(CODE, 128, 256, 64)
    net = nn.Sequential(encoder, decoder)
    optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)

    def learn(x: torch.Tensor) -> None:
        loss = (net(x) - x).square().sum() / len(x)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return epochs(learn)


def bare_variational() -> Callable[[], None]:
    encoder, decoder = layers(64, 256, 128, 2 * CODE), layers(CODE, 128, 256, 64)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 1e-3, fused=True)

    def learn(x: torch.Tensor) -> None:
        mean, logvar = encoder(x).chunk(2, 1)
        logvar = logvar.clamp(-12, 12)
        z = mean + torch.randn_like(mean) * (0.5 * logvar).exp()
        bce = functional.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum()
        loss = (bce + kl) / len(x)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return epochs(learn)


def epochs(learn: Callable[[torch.Tensor], None]) -> Callable[[], None]:
    """Return a loop over shuffled batches of bytes in memory."""
    data = images()

    def steps() -> None:
        done = 0
        while done < STEPS:
            for rows in torch.randperm(len(data))[: len(data) // BATCH * BATCH].split(BATCH):
                learn(data[rows].float() / 255)
                done += 1
                if done == STEPS:
                    break

    return steps


if __name__ == "__main__":
    main()
