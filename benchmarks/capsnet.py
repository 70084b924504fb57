"""Measure capsule networks, beside the CNN of as many parameters, and what is simpler.

    python -m benchmarks.capsnet             all figures
    python -m benchmarks.capsnet routing     CPU time and memory, beside usual forms
    python -m benchmarks.capsnet digits      test accuracy over five disjoint folds
    python -m benchmarks.capsnet mnist5k     the same of 28 x 28 pixels, over seeds
    python -m benchmarks.capsnet routings    1, 2, 3 and 5 routings over the same folds
    python -m benchmarks.capsnet affine      trained on digits in the middle, tested on moved ones
    python -m benchmarks.capsnet overlap     two digits, one over the other
    python -m benchmarks.capsnet pairs       the same, as the CNN reads them
    python -m benchmarks.capsnet pose        how much of a figure's pose is found, by two probes

Test figures are of the selected weights, with Student's 95 % interval; CPU seconds are those of one
thread. Results are kept in benchmarks/results/capsnet.json, part by part; `overlap` draws beside
it what it reads and reconstructs.
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
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from torch import nn

import lab
from benchmarks import capsnet_overlap, capsnet_pose, capsnet_routing
from benchmarks.measure import keep, summed_up
from lab.plugins import discover
from lab.resolve import resolve

RESULTS = Path(__file__).parent / "results" / "capsnet.json"
PICTURE = RESULTS.with_name("capsnet-overlap.png")
FOLDS = range(5)
TWIN: Mapping[str, Any] = {"arch": "capsnet_baseline"}

Row = dict[str, Any]


def train(experiment: str, folder: str, **options: Any) -> tuple[Any, float]:
    """Run once; return the run and its CPU seconds."""
    began = time.process_time()
    result = lab.run(
        experiment, runs_dir=folder, wandb="disabled", media=False, threads=1, **options
    )
    return result, time.process_time() - began


def over(label: str, experiment: str, each: Sequence[Mapping[str, Any]], **options: Any) -> Row:
    """Print and return the test accuracy of a run for each of some options: folds, or seeds."""
    values, seconds = [], []
    for own in each:
        with tempfile.TemporaryDirectory() as folder:
            result, spent = train(experiment, folder, **options, **own)
        values.append(result.summary["test"]["test/accuracy"])
        seconds.append(spent)
    row = {"label": label, "values": values, "seconds": statistics.median(seconds)}
    print(
        f"{label:36}{summed_up(values):34}{row['seconds']:6.1f} s   {rounded(values)}", flush=True
    )
    return row


def rounded(values: Sequence[float]) -> str:
    return " ".join(f"{value:.4f}" for value in values)


def folds() -> list[Row]:
    return [{"fold": fold} for fold in FOLDS]


def seeds(number: int) -> list[Row]:
    return [{"seed": seed} for seed in range(number)]


def parameters(experiment: str, shape: tuple[int, ...], classes: int, **options: Any) -> int:
    """Return the number of parameters of a network, of which none takes memory."""
    names, ones = tuple(map(str, range(classes))), (1.0,) * shape[0]
    info = lab.DatasetInfo("it", "image", "classify", shape, names, classes, ones, ones)
    with torch.device("meta"):
        net = network(experiment, info, **options)
    return sum(p.numel() for p in net.parameters())


def network(experiment: str, info: lab.DatasetInfo, **options: Any) -> nn.Module:
    """Return a family's network for such data."""
    spec = discover().experiment(experiment)
    resolved = resolve(spec, {"data": "digits", **options}, preset="none")
    net: nn.Module = spec.load_experiment().network(resolved.config, info)
    return net


def like(capsules: Mapping[str, Any], shape: tuple[int, ...], classes: int) -> float:
    """Return the width at which the CNN has the parameters of a capsule network, decoder and
    all."""
    wanted = parameters("capsnet", shape, classes, **capsules)
    low, high = 0.01, 1.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        few = parameters("cnn", shape, classes, **TWIN, width=middle) < wanted
        low, high = (middle, high) if few else (low, middle)
    return round(low, 3)


# -- the parts


def routing(number: int) -> list[Row]:
    """CPU seconds and megabytes at the paper's size, forward and backward; rounds."""
    return capsnet_routing.measure(number)


def digits(number: int) -> list[Row]:
    """Test accuracy on digits."""
    return beside("digits", folds()[:number])


def mnist5k(number: int) -> list[Row]:
    """Test accuracy on 5,000 digits of MNIST."""
    return beside("mnist5k", seeds(number))


def beside(data: str, each: Sequence[Row]) -> list[Row]:
    """Compare the presets with the CNN of as many parameters, and with what is simpler."""
    rows = [over(f"{data}, capsnet", "capsnet", each, data=data)]
    rows.append(over(f"{data}, cnn of as many parameters", "cnn", each, data=data, **TWIN))
    alone = each if "fold" in each[0] else each[:1]  # seeds change nothing
    for algo in ("knn", "svc"):
        rows.append(over(f"{data}, {algo}", "baseline", alone, data=data, algo=algo))
    return rows


def routings(number: int) -> list[Row]:
    """Test accuracy on digits by number of routings."""
    each = folds()[:number]
    rows = [over(f"{n} routings", "capsnet", each, data="digits", routings=n) for n in (1, 2, 3, 5)]
    detached = {"detach_routing": True}
    return [*rows, over("3, --detach-routing", "capsnet", each, data="digits", **detached)]


def affine(number: int) -> list[Row]:
    """Test accuracy on moved, turned and scaled digits, after training on digits that are shifted
    by two pixels at most."""
    same: Row = {**LEARNING, "data": "affine-digits", "data_args": {"centered": True}}
    same["augment"] = {"shift": 2}
    width = like(MIDDLE, (1, 20, 20), 10)
    return [
        over("capsnet", "capsnet", seeds(number), **same, **MIDDLE),
        over("capsnet, 1 routing", "capsnet", seeds(number), **same, **MIDDLE, routings=1),
        over(f"cnn, width {width}", "cnn", seeds(number), **same, **TWIN, width=width),
    ]


def overlap(number: int) -> list[Row]:
    """Pairs of digits, one over the other, that are read right by the two longest of ten
    capsules."""
    found = [capsnet_overlap.measure(seed, picture=PICTURE) for seed in range(number)]
    values = [figures["accuracy"] for figures in found]
    means = {name: statistics.mean(figures[name] for figures in found) for name in found[0]}
    print(f"{'ten capsules, the two longest':36}{summed_up(values)}   {means}", flush=True)
    return [{**means, "label": "ten capsules, the two longest", "values": values}]


def pairs(number: int) -> list[Row]:
    """Pairs that are read right by the two likeliest of ten outputs of the CNN."""
    info = capsnet_overlap.INFO
    width = like(capsnet_overlap.SIZE, info.shape, 10)
    twin, rows = partial(network, "cnn", info, **TWIN, width=width), []
    for rate in RATES:
        found = [capsnet_overlap.measure_cnn(twin, each, rate) for each in range(number)]
        values = [figures["accuracy"] for figures in found]
        label = f"cnn, width {width}, lr {rate:g}"
        seconds = statistics.median(figures["seconds"] for figures in found)
        print(f"{label:36}{summed_up(values):34}{seconds:6.1f} s   {rounded(values)}", flush=True)
        rows.append({"label": label, "values": values, "seconds": seconds})
    return rows


def pose(number: int) -> list[Row]:
    """Variance of the pose that a linear model, and neighbors, explain, on shapes."""
    rows: list[Row] = []
    width = like(POSED, (3, 32, 32), 6)
    own: Mapping[str, Mapping[str, Any]] = {
        "capsnet": POSED,
        "cnn": {**TWIN, **SLOWER, "width": width},
    }
    for family, options in own.items():
        found = []
        for each in seeds(number):
            with tempfile.TemporaryDirectory() as folder:
                settings = {**LEARNING, **options, **each, "data": "shapes"}
                result, _ = train(family, folder, **settings, data_args={"difficulty": 0.3})
                scores = capsnet_pose.explained(lab.load(result.dir), family)
            found.append({**scores, "accuracy": result.summary["test"]["test/accuracy"]})
        for name in found[0]:
            values = [figures[name] for figures in found]
            print(f"{family:10}{name:20}{summed_up(values)}   {rounded(values)}", flush=True)
            rows.append({"label": f"{family}, {name}", "values": values})
    return rows


LEARNING: Mapping[str, Any] = {
    "preset": "none",
    "budget": 20_000,
    "lr": 3e-3,
    "schedule": "one-cycle",
    "eval_every": 10_000,
}
SLOWER: Mapping[str, Any] = {"lr": 3e-4}  # at 1e-3 one seed of three stays near chance
RATES = (3e-3, 1e-3, 3e-4)  # of the CNN that reads pairs
MIDDLE: Mapping[str, Any] = {"kernel": 5, "primary_kernel": 5, "decoder": (256, 512)}
POSED: Mapping[str, Any] = {"channels": 64, "kernel": 7, "primary_kernel": 7, "decoder": (256, 512)}
PARTS: Mapping[str, tuple[Callable[[int], list[Row]], int]] = {  # and rounds, folds or seeds
    "routing": (routing, 9),
    "digits": (digits, 5),
    "mnist5k": (mnist5k, 3),
    "routings": (routings, 5),
    "affine": (affine, 3),
    "overlap": (overlap, 3),
    "pairs": (pairs, 3),
    "pose": (pose, 3),
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--number", type=click.IntRange(1), help="Rounds, folds or seeds of each figure.")
def main(names: Sequence[str], number: int | None) -> None:
    for name in names or PARTS:
        measure, usual = PARTS[name]
        print(f"\n{name}: {measure.__doc__}")
        keep(RESULTS, name, measure(number or usual))


if __name__ == "__main__":
    main()
