"""Measure deep belief networks: what they reach on digits, and how fast an RBM learns.

    python -m benchmarks.dbn                 all figures (about half an hour on two cores)
    python -m benchmarks.dbn folds           test accuracy of 200-200-200 over five disjoint folds
    python -m benchmarks.dbn autoencoder     unrolled 200-100-50-8, with and without pretraining
    python -m benchmarks.dbn samples         samples by class, recognized by a classifier
    python -m benchmarks.dbn exact           CD-10, PCD and annealing against exact likelihoods
    python -m benchmarks.dbn speed           CD-1 784 x 500, batch 100: over its products of
                                             matrices, scikit-learn and, where installed, learnergy

Times are CPU times of one thread, measured in turn; ratios are medians over the rounds.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import copy
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import click
import numpy as np
import torch

import lab
from benchmarks.measure import alternate, ratio, summed_up
from lab.compute import device
from lab_dbn.config import Config
from lab_dbn.contrastive import Contrastive
from lab_dbn.likelihood import exact_log_partition, log_partition
from lab_dbn.rbm import RBM

FOLDS = 5
PER_CLASS = 50  # samples that are shown to the classifier
STARTS: dict[str, dict[str, Any]] = {
    "pretrained": {},
    "random": {"pretrain": False},
    "random, Glorot's for sigmoid units": {"pretrain": False, "init": "glorot"},
}
GENERATORS: dict[str, dict[str, Any]] = {
    "500 by PCD": {"layers": (500,), "persistent": True, "lr": 0.03, "sample_inputs": False},
    "200-500 by CD-5": {"layers": (200, 500), "cd_k": 5, "lr": 0.05},
    "200-500 by CD-5, then up-down": {
        "layers": (200, 500),
        "cd_k": 5,
        "lr": 0.05,
        "finetune": "up-down",
    },
}
ROUNDS = 9
UPDATES = 60  # in a round
BATCH, VISIBLE, HIDDEN = 100, 784, 500


@click.group(invoke_without_command=True, help=__doc__)
@click.pass_context
def main(context: click.Context) -> None:
    if context.invoked_subcommand is None:
        for command in (folds, autoencoder, samples, exact, speed):
            context.invoke(command)


def train(**options: Any) -> lab.RunResult:
    """Train on digits in a scratch folder, with evaluations few and short."""
    fixed = {"data": "digits", "wandb": "disabled", "media": False, "budget": 400_000}
    fixed |= {"eval_every": 40_000, "runs_dir": tempfile.mkdtemp(prefix="lab-dbn-")}
    result: lab.RunResult = lab.run("dbn", **{**fixed, **options})
    return result


@main.command()
@click.option("--fold", type=int, help="One of them alone.")
def folds(fold: int | None = None) -> None:
    """Print the test accuracy of a greedily trained and fine-tuned network, fold by fold."""
    accuracies = []
    for number in range(FOLDS) if fold is None else [fold]:
        began = time.process_time()
        test = train(finetune="classify", fold=number).summary["test"]
        accuracies.append(test["test/accuracy"])
        seconds = time.process_time() - began
        print(f"fold {number}: accuracy {accuracies[-1]:.4f}, {seconds:.0f} s CPU", flush=True)
    if len(accuracies) > 1:
        print(f"{len(accuracies)} folds: {summed_up(accuracies)}")


@main.command()
@click.option("--seeds", default=3, show_default=True)
def autoencoder(seeds: int = 3) -> None:
    """Print the test error of an unrolled autoencoder, pretrained and from random weights."""
    fixed = {"layers": (200, 100, 50, 8), "finetune": "autoencode", "finetune_lr": 3e-3}
    for name, options in STARTS.items():
        errors = []
        for seed in range(seeds):
            test = train(**fixed, **options, seed=seed).summary["test"]
            errors.append(test["test/reconstruction"])
            print(f"{name}, seed {seed}: squared error {errors[-1]:.3f}", flush=True)
        print(f"{name}: {summed_up(errors)}")


@main.command()
@click.option("--seeds", default=3, show_default=True)
def samples(seeds: int = 3) -> None:
    """Print the fraction of samples that a classifier trained on real digits assigns to the class
    that they were drawn from."""
    from sklearn.svm import SVC

    for name, options in GENERATORS.items():
        fractions = []
        for seed in range(seeds):
            result = train(label_units=True, seed=seed, **options)
            network: Any = lab.load(result.dir, checkpoint="last")
            data = network.data
            real = network.features.of(data.train.take(torch.arange(len(data.train))), 0)
            classifier = SVC(gamma="scale", C=10).fit(real.numpy(), data.train.targets.numpy())
            test = network.features.of(data.test.take(torch.arange(len(data.test))), 0)
            on_real = classifier.score(test.numpy(), data.test.targets.numpy())
            right = [
                float(np.mean(classifier.predict(network.generate(PER_CLASS, 500, k).numpy()) == k))
                for k in range(10)
            ]
            fractions.append(statistics.mean(right))
            print(
                f"{name}, seed {seed}: {fractions[-1]:.3f} recognized, the worst class "
                f"{min(right):.2f}; the classifier on real digits {on_real:.3f}; "
                f"the network's own test accuracy {result.summary['test']['test/accuracy']:.3f}",
                flush=True,
            )
        print(f"{name}: {summed_up(fractions)}")


# -- compared with exact likelihoods

LEARNERS: dict[str, dict[str, Any]] = {
    "CD-10": {"cd_k": 10},
    "PCD": {"persistent": True},
}


@main.command()
@click.option("--seeds", default=3, show_default=True)
def exact(seeds: int = 3) -> None:
    """Print how many nats CD and PCD lack to the entropy of the data, which no likelihood passes,
    and how far the annealed partition function is from the sum over all states: bars and stripes
    of 3 x 3 pixels, 8 hidden units."""
    lacking: dict[str, list[float]] = {name: [] for name in LEARNERS}
    errors = []
    data = bars_and_stripes()
    for seed in range(seeds):
        torch.manual_seed(seed)
        start = RBM(data.shape[1], 8)
        for name, options in LEARNERS.items():
            rbm, generator = copy.deepcopy(start), torch.Generator().manual_seed(seed)
            learner = Contrastive(rbm, Config(weight_decay=0.0, **options), 140, generator)
            for number in range(20_000):
                learner.update(data.repeat(10, 1), 0.1 * (1 - number / 20_000), 0.5)
            lacking[name].append(-math.log(len(data)) - mean_log_likelihood(rbm, data))
            base = torch.zeros(data.shape[1])
            log_z = log_partition(rbm, base, steps=500, chains=500, generator=generator)
            errors.append(abs(float(log_z - exact_log_partition(rbm))))
    for name, values in lacking.items():
        print(f"{name} lacks {summed_up(values)} nats; most {max(values):.4f}")
    print(f"annealing errs by {summed_up(errors)} nats; most {max(errors):.4f}")


def bars_and_stripes(side: int = 3) -> torch.Tensor:
    """Return all images whose rows, or whose columns, are uniform [2 (2^side - 1), side * side]."""
    lines = torch.tensor(list(product((0.0, 1.0), repeat=side)))
    bars = lines[:, :, None].expand(-1, -1, side)
    images: torch.Tensor = torch.unique(torch.cat([bars, bars.transpose(1, 2)]).flatten(1), dim=0)
    return images


def mean_log_likelihood(rbm: RBM, data: torch.Tensor) -> float:
    return float(-rbm.free_energy(data).mean() - exact_log_partition(rbm))


# -- speed


@main.command()
def speed() -> None:
    """Print the CPU time of an update, of its products of matrices, and of peers."""
    with device.configured(threads=1, deterministic=False):
        kinds: dict[str, Callable[[], None]] = {
            "ours": ours(),
            "ours again": ours(),
            "products": products(),
            "scikit-learn": scikit_learn(),
        }
        peer = learnergy()
        if peer is None:
            print("learnergy is not installed: pip install --no-deps learnergy")
        else:
            kinds["learnergy"] = peer
        seconds = alternate(kinds, ROUNDS)
    for name, values in seconds.items():
        print(f"{name:<14} {1e3 * statistics.median(values) / UPDATES:.2f} ms an update")
    print(f"ours over its products: {ratio(seconds['ours'], seconds['products'])}")
    print(f"ours over ours (A/A): {ratio(seconds['ours again'], seconds['ours'])}")
    for name in ("scikit-learn", "learnergy"):
        if name in seconds:
            print(f"{name} over ours: {ratio(seconds[name], seconds['ours'])}")


def images() -> torch.Tensor:
    """Return bits [UPDATES * BATCH, VISIBLE]."""
    generator = torch.Generator().manual_seed(0)
    return (torch.rand(UPDATES * BATCH, VISIBLE, generator=generator) < 0.2).float()


def ours() -> Callable[[], None]:
    rbm, generator = RBM(VISIBLE, HIDDEN), torch.Generator().manual_seed(0)
    learner = Contrastive(rbm, Config(), BATCH, generator)
    batches = images().split(BATCH)

    def updates() -> None:
        for batch in batches:
            learner.update(batch, 0.05, 0.9)

    return updates


def products() -> Callable[[], None]:
    """The five products of CD-1: up, down, up, and the two of the gradient."""
    weight, gradient = torch.randn(VISIBLE, HIDDEN), torch.empty(VISIBLE, HIDDEN)
    visible, hidden = torch.rand(BATCH, VISIBLE), torch.rand(BATCH, HIDDEN)
    above, below = torch.empty_like(hidden), torch.empty_like(visible)

    def updates() -> None:
        for _ in range(UPDATES):
            torch.mm(visible, weight, out=above)
            torch.mm(hidden, weight.T, out=below)
            torch.mm(visible, weight, out=above)
            torch.mm(visible.T, hidden, out=gradient)
            torch.mm(visible.T, hidden, out=gradient)

    return updates


def scikit_learn() -> Callable[[], None]:
    from sklearn.neural_network import BernoulliRBM

    machine = BernoulliRBM(HIDDEN, learning_rate=0.05, batch_size=BATCH, n_iter=1, random_state=0)
    batches = [batch.numpy() for batch in images().split(BATCH)]
    machine.partial_fit(batches[0])  # shapes and persistent chains

    def updates() -> None:
        for batch in batches:
            machine.partial_fit(batch)

    return updates


def learnergy() -> Callable[[], None] | None:
    try:
        from learnergy.models.bernoulli import RBM as Peer
    except ImportError as error:
        print(f"learnergy: {error}")
        return None
    peer = Peer(VISIBLE, HIDDEN, steps=1, learning_rate=0.05, momentum=0.9, decay=2e-4)
    data = torch.utils.data.TensorDataset(images(), torch.zeros(UPDATES * BATCH))
    return partial(peer.fit, data, batch_size=BATCH, epochs=1)


if __name__ == "__main__":
    main()
