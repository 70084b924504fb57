"""Measure the supervised families: presets, degradation, input pipeline, segmentation, transfer.

    python -m benchmarks.supervised               all figures
    python -m benchmarks.supervised presets       test accuracy over five folds, with baselines
    python -m benchmarks.supervised tables        the same on small tables, of three seeds each
    python -m benchmarks.supervised shapes        the same on shapes (half an hour; see --folds)
    python -m benchmarks.supervised degradation   plain and residual nets of 20 and 56 layers
    python -m benchmarks.supervised pipeline      what feeding a LeNet costs, at MNIST's size
    python -m benchmarks.supervised segment       FCN-32s, 16s and 8s on shapes
    python -m benchmarks.supervised transfer      from one half of the classes to the other

Accuracies are means over disjoint test folds with Student's 95 % interval. Times are CPU seconds of
one thread; the pipeline's are medians of alternating rounds, with a round of the same against
itself to show the noise.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from torch.nn import functional

import lab
from benchmarks.measure import alternate, ratio
from lab.compute import device
from lab.compute.device import Compute
from lab.data.dataset_info import DatasetInfo
from lab.engine.context import Context
from lab.plugins import discover
from lab.resolve import resolve
from lab.statistics import mean_interval
from lab_cnn.cnn import CNN
from lab_cnn.config import Config

FOLDS = 5  # disjoint test sets, which make up all of a source
Evaluator = Mapping[str, float]


# -- accuracies


def train(experiment: str, folder: str, **options: Any) -> tuple[Evaluator, float]:
    """Run once; return test and training metrics, and CPU seconds."""
    began = time.process_time()
    number = len(list(Path(folder).glob("*")))
    result = lab.run(
        experiment, runs_dir=folder, name=f"run-{number}", wandb="disabled", media=False,
        threads=1, **options,
    )  # fmt: skip
    seconds = time.process_time() - began
    rows = lab.Run(result.dir).metrics()
    trained = [row["train/accuracy"] for row in rows if "train/accuracy" in row]
    last = {"train/accuracy": trained[-1]} if trained else {}
    return {**result.summary["test"], **last}, seconds


def over_folds(
    label: str,
    metric: str,
    experiment: str,
    folder: str,
    folds: int,
    seeds: int = 1,
    **options: Any,
) -> list[float]:
    """Print and return a figure, in percent, by fold: the mean over seeds."""
    results = [
        [train(experiment, folder, fold=fold, seed=seed, **options) for seed in range(seeds)]
        for fold in range(folds)
    ]
    values = [100 * statistics.mean(metrics[metric] for metrics, _ in runs) for runs in results]
    seconds = statistics.median(seconds for runs in results for _, seconds in runs)
    mean, interval = statistics.mean(values), mean_interval(values)
    each = " ".join(f"{value:.1f}" for value in values)
    ends = f" [{interval[0]:6.2f}, {interval[1]:6.2f}]" if interval else ""
    print(f"{label:34}{mean:6.2f}{ends}  {seconds:6.1f} s   {each}", flush=True)
    return values


def presets(folder: str, folds: int) -> None:
    """Test accuracy of the shipped presets on digits, with scikit-learn's."""
    print(f"\ntest accuracy, %, mean over {folds} folds [95 %], CPU seconds of a run")
    compare_families("digits", folder, folds, ("lenet5", "simple", "resnet14", "resnet20"))


def tables(folder: str, folds: int) -> None:
    """The same on small tables; in the values of diabetes, the variance that is explained."""
    print(f"\ntest accuracy, or r2, %, mean over {folds} folds [95 %], CPU seconds of a run")
    methods = dict.fromkeys(("iris", "wine", "breast-cancer"), ("logistic", "knn", "svc", "forest"))
    for source, algos in {**methods, "diabetes": ("ridge", "knn", "svr", "forest")}.items():
        metric = "test/r2" if source == "diabetes" else "test/accuracy"
        for algo in algos:
            label = f"{source}, {algo}"
            over_folds(label, metric, "baseline", folder, folds, data=source, algo=algo)
        over_folds(f"{source}, mlp", metric, "mlp", folder, folds, seeds=3, data=source)


def shapes(folder: str, folds: int) -> None:
    """The same on shapes, which a linear model and an MLP cannot tell apart."""
    print(f"\ntest accuracy, %, mean over {folds} folds [95 %], CPU seconds of a run")
    # with C = 1, the default, logistic regression is right by chance alone
    compare_families("shapes", folder, folds, ("simple", "resnet20"), logistic_c=1e-3)


def compare_families(
    source: str, folder: str, folds: int, archs: Sequence[str], logistic_c: float = 1.0
) -> None:
    options: Mapping[str, Mapping[str, Any]] = {
        "logistic": {"c": logistic_c}, "knn": {}, "svc": {}, "forest": {},
    }  # fmt: skip
    for algo, own in options.items():
        same = {"data": source, "algo": algo, **own}
        over_folds(f"{source}, {algo}", "test/accuracy", "baseline", folder, folds, **same)
    over_folds(f"{source}, mlp", "test/accuracy", "mlp", folder, folds, data=source)
    for arch in archs:
        label = f"{source}, {arch}"
        over_folds(label, "test/accuracy", "cnn", folder, folds, data=source, arch=arch)


def degradation(folder: str, folds: int) -> None:
    """Training accuracy at equal budget: depth hurts plain nets and not residual ones."""
    print(f"\ntraining accuracy on digits at equal budget, %, mean over {folds} folds [95 %]")
    same: dict[str, Any] = {
        "data": "digits", "preset": "none", "budget": 12_000, "width": 0.75, "lr": 1e-2,
        "schedule": "one-cycle", "eval_every": 12_000, "log_every": 1_200,
    }  # fmt: skip
    for arch in ("plain20", "resnet20", "plain56", "resnet56"):
        over_folds(arch, "train/accuracy", "cnn", folder, folds, arch=arch, **same)


def segment(folder: str, folds: int) -> None:
    """Mean intersection over union on shapes; three folds, as they hardly differ."""
    folds = min(folds, 3)
    print(f"\nmean IoU on shapes, %, mean over {folds} folds [95 %], CPU seconds of a run")
    for fcn in ("fcn32s", "fcn16s", "fcn8s"):
        over_folds(
            fcn, "test/miou", "cnn", folder, folds, data="shapes", task="segment", fcn=fcn,
        )  # fmt: skip


def transfer(folder: str, folds: int) -> None:
    """From half of the classes of shapes to the other half, with five labels a class."""
    classes = discover_classes("shapes")
    old, new = classes[: len(classes) // 2], classes[len(classes) // 2 :]
    print(f"\nfrom {', '.join(old)} to {', '.join(new)}: 5 labels a class, test accuracy, %")
    net: dict[str, Any] = {"data": "shapes", "arch": "simple"}
    before = train("cnn", folder, classes=old, **net)
    origin = sorted(Path(folder).glob("run-*"), key=lambda p: int(p.name[4:]))[-1]
    print(f"the origin: {100 * before[0]['test/accuracy']:.1f} % of the old classes")
    few: dict[str, Any] = {
        **net, "classes": new, "labels_per_class": 5, "preset": "none", "budget": 6_000,
        "batch_size": 15, "lr": 1e-3, "augment": {"shift": 2, "flip": 0.5}, "eval_every": 600,
    }  # fmt: skip
    over_folds("from scratch", "test/accuracy", "cnn", folder, folds, **few)
    for mode in ("all", "last-2", "new-head", "append-head"):
        begin: dict[str, Any] = {"init_from": str(origin), "transfer": mode}
        over_folds(mode, "test/accuracy", "cnn", folder, folds, **few, **begin)


def discover_classes(source: str) -> tuple[str, ...]:
    from lab.data import sources

    return sources.load(*sources.find(source, discover().sources()), {}).classes


# -- the input pipeline

IMAGES = 60_000
BATCH = 128
PART = 6_400  # images of a round: a tenth of an epoch
SHIFT = 2
SOURCE = """
import lab, numpy as np

@lab.hookimpl
def lab_sources():
    yield lab.SourceSpec(name="mnist-size", summary="Noise", load="mnist_size:noise")

def noise():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (75_000, 1, 28, 28), dtype=np.uint8)
    names = tuple("0123456789")
    return lab.Dataset(images, rng.integers(0, 10, 75_000), names, test=np.arange(75_000) >= 66_000)
"""


def offer(folder: Path) -> None:
    """Offer a source of MNIST's size, as an installed distribution would."""
    (folder / "mnist_size.py").write_text(SOURCE)
    info = folder / "mnist_size-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mnist-size\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[lab]\nmnist-size = mnist_size\n")
    sys.path.insert(0, str(folder))


def make(folder: Path, **options: Any) -> CNN:
    """Return a LeNet as a run would make it, with its data on the device."""
    flags = {
        "data": "mnist-size",
        "arch": "lenet5",
        "batch_size": BATCH,
        "budget": 10**9,
        **options,
    }
    resolved = resolve(discover().experiment("cnn"), flags, preset="none")
    ctx = Context(
        seed=0, budget=10**9, dir=folder, compute=Compute(torch.device("cpu")),
        sources=discover().sources(),
    )  # fmt: skip
    assert isinstance(resolved.config, Config)
    experiment = CNN(resolved.config, ctx)
    experiment.supervision.next()  # reads the data
    return experiment


def through(experiment: CNN) -> Callable[[], None]:
    """Return a round of the experiment's own steps."""

    def once() -> None:
        for _ in range(PART // BATCH):
            experiment.step()

    return once


def feeding(experiment: CNN) -> Callable[[], None]:
    """Return a round of batches that nobody learns from."""

    def once() -> None:
        for _ in range(PART // BATCH):
            experiment.supervision.next()

    return once


def learner(info: DatasetInfo, experiment: CNN) -> Callable[[torch.Tensor, torch.Tensor], None]:
    """Return a plain training step of the same network, on prepared images."""
    net = experiment.build(info.outputs)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=0.0, fused=True)

    def learn(images: torch.Tensor, targets: torch.Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(net(images), targets)
        loss.backward()
        optimizer.step()

    return learn


def bare(experiment: CNN) -> Callable[[], None]:
    """Return a round of a loop written by hand over tensors in memory."""
    train, info = experiment.supervision.data.train, experiment.info
    learn = learner(info, experiment)
    assert train.targets is not None
    inputs, targets = train.inputs, train.targets
    mean, std = info.mean[0], info.std[0]

    def once() -> None:
        order = torch.randperm(len(inputs))[:PART]
        for rows in order.split(BATCH):
            learn((inputs[rows].float() / 255 - mean) / std, targets[rows])

    return once


def loaded(experiment: CNN, dataset: Any) -> Callable[[], None]:
    """Return a round of torch's DataLoader over a dataset of prepared examples."""
    learn = learner(experiment.info, experiment)
    batches: Iterator[Any] = itertools.chain.from_iterable(
        torch.utils.data.DataLoader(dataset, BATCH, shuffle=True, drop_last=True)
        for _ in itertools.count()
    )

    def once() -> None:
        for _ in range(PART // BATCH):
            learn(*next(batches))

    return once


class OneByOne:
    """The usual data set: each image becomes a PIL picture, is shifted, and becomes a tensor."""

    def __init__(self, images: Any, targets: Any, mean: float, std: float) -> None:
        self.images, self.targets, self.mean, self.std = images, targets, mean, std

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        from PIL import Image

        right, down = np.random.randint(-SHIFT, SHIFT + 1, 2)  # noqa: NPY002  as it is usual
        picture = Image.fromarray(self.images[index])
        moved = picture.transform(picture.size, Image.Transform.AFFINE, (1, 0, right, 0, 1, down))
        tensor = torch.from_numpy(np.asarray(moved, np.float32))[None] / 255
        return (tensor - self.mean) / self.std, int(self.targets[index])


def pipeline(folder: str, rounds: int = 9) -> None:
    """The cost of the input pipeline, and epochs against a bare loop and usual loaders."""
    offer(Path(folder))
    with device.configured(threads=1, deterministic=False):
        plain, shifting = make(Path(folder)), make(Path(folder), augment={"shift": SHIFT})
        with closing(plain.ctx), closing(shifting.ctx):
            train, info = plain.supervision.data.train, plain.info
            assert train.targets is not None
            images, targets = train.inputs.numpy()[:, 0], train.targets.numpy()
            dataset = torch.utils.data.TensorDataset(
                info.prepare_inputs(train.inputs), train.targets
            )
            usual = OneByOne(images, targets, info.mean[0], info.std[0])
            contestants = {
                "lab": through(plain),
                "lab again": through(plain),
                "bare loop": bare(plain),
                "lab, shifted": through(shifting),
                "feeding": feeding(plain),
                "feeding, shifted": feeding(shifting),
                "TensorDataset": loaded(plain, dataset),
                "PIL, one by one": loaded(plain, usual),
            }
            seconds = alternate(contestants, rounds)
    print(f"\nLeNet, {IMAGES:,} x 28 x 28: CPU seconds of an epoch, median of {rounds} rounds")
    for name, values in seconds.items():
        epoch = [value * IMAGES / PART for value in values]
        print(f"{name:20}{statistics.median(epoch):7.2f} [{min(epoch):.2f}, {max(epoch):.2f}]")
    for title, above, below in (
        ("noise, A/A", "lab again", "lab"),
        ("input pipeline, fraction of epoch", "feeding", "lab"),
        ("the same with random shifts", "feeding, shifted", "lab, shifted"),
        ("lab over bare loop", "lab", "bare loop"),
        ("TensorDataset over lab", "TensorDataset", "lab"),
        ("PIL one by one over lab, shifted", "PIL, one by one", "lab, shifted"),
    ):
        print(f"{title:38}  {ratio(seconds[above], seconds[below])}")


PARTS: Mapping[str, Callable[[str, int], None]] = {
    "presets": presets,
    "tables": tables,
    "shapes": shapes,
    "degradation": degradation,
    "pipeline": lambda folder, folds: pipeline(folder),
    "segment": segment,
    "transfer": transfer,
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--folds", type=click.IntRange(1, FOLDS), default=FOLDS, show_default=True)
def main(parts: tuple[str, ...], folds: int) -> None:
    """Print the figures; all of them where none is named."""
    print(f"torch {torch.__version__}, {os.cpu_count()} cores, one thread")
    for name in parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](folder, folds)


if __name__ == "__main__":
    main()
