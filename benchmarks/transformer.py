"""Measure Transformers: presets beside other families, the depth dial, Muon, pretraining.

    python -m benchmarks.transformer              all figures
    python -m benchmarks.transformer pictures     ViT on digits and mnist5k, beside cnn, kNN and SVC
    python -m benchmarks.transformer answers      questions about stories, of one and of two facts
    python -m benchmarks.transformer sentences    reversed letters, numbers in words
    python -m benchmarks.transformer pretraining  few labels, with and without hidden words before
    python -m benchmarks.transformer depth        what the rules of --depth come from
    python -m benchmarks.transformer muon         Muon and AdamW, each at its best rate of four

Test figures are of the selected weights, means over seeds; CPU seconds are those of one thread.
Results are kept in benchmarks/results/transformer.json, part by part.
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
from pathlib import Path
from typing import Any

import click

import lab
from benchmarks.measure import keep

RESULTS = Path(__file__).parent / "results" / "transformer.json"
RATES = (1e-3, 2e-3, 4e-3, 8e-3)

Row = dict[str, Any]


def train(experiment: str, **options: Any) -> Row:
    """Run once; return the test metrics, and CPU seconds."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = lab.run(
            experiment, runs_dir=folder, wandb="disabled", media=False, threads=1, **options
        )
    test = {name.removeprefix("test/"): value for name, value in result.summary["test"].items()}
    return {**test, "seconds": time.process_time() - began}


def over_seeds(
    label: str, metric: str, seeds: Sequence[int], experiment: str = "transformer", **options: Any
) -> Row:
    """Print and return a test figure by seed, their mean, and the CPU seconds of a run."""
    runs = [train(experiment, seed=seed, **options) for seed in seeds]
    values = [run[metric] for run in runs]
    row = {
        "label": label,
        "metric": metric,
        "mean": statistics.mean(values),
        "values": values,
        "seconds": statistics.median(run["seconds"] for run in runs),
    }
    each = " ".join(f"{value:.4f}" for value in values)
    print(f"{label:44}{row['mean']:8.4f}  {row['seconds']:6.1f} s   {each}", flush=True)
    return row


def pictures(seeds: Sequence[int]) -> list[Row]:
    """Test accuracy of the tuned presets, and of what is simpler."""
    rows = []
    for data, arch in (("digits", "resnet14"), ("mnist5k", "simple")):
        for algo in ("knn", "svc"):
            same: Row = {"data": data, "algo": algo}
            rows.append(over_seeds(f"{data}, {algo}", "accuracy", [0], "baseline", **same))
        rows.append(
            over_seeds(f"{data}, cnn {arch}", "accuracy", seeds, "cnn", data=data, arch=arch)
        )
        rows.append(over_seeds(f"{data}, transformer", "accuracy", seeds, data=data))
    return rows


def answers(seeds: Sequence[int]) -> list[Row]:
    """Exact answers to questions about stories of forms that training does not show."""
    rows = []
    for hops in (1, 2):
        asked: Row = {"data": "stories", "answer": "span", "data_args": {"n": 20_000, "hops": hops}}
        rows.append(over_seeds(f"stories of {hops} hops", "exact_match", seeds, **asked))
    return rows


def sentences(seeds: Sequence[int]) -> list[Row]:
    """Exact sentences of the tuned presets."""
    return [
        over_seeds(data, "exact_match", seeds, data=data) for data in ("reverse", "number-words")
    ]


def pretraining(seeds: Sequence[int]) -> list[Row]:
    """Test accuracy with ten labels of each class."""
    small: Row = {
        "data": "sentences", "layers": 2, "width": 32, "heads": 2, "preset": "none",
        "threads": 1, "wandb": "disabled", "media": False,
    }  # fmt: skip
    few = {**small, "labels_per_class": 10, "budget": 4_000}
    accuracies: dict[str, list[float]] = {"from scratch": [], "pretrained": []}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            place: Row = {"runs_dir": folder, "seed": seed}
            guessing: Row = {"pretrain": "masked", "lr": 3e-3, "budget": 20_000}
            before = lab.run("transformer", **small, **place, **guessing, name="before")
            for label, begin in (("from scratch", None), ("pretrained", str(before.dir))):
                run = lab.run("transformer", **few, **place, init_from=begin, name=label[:4])
                accuracies[label].append(run.summary["test"]["test/accuracy"])
    for label, values in accuracies.items():
        print(f"{label:44}{statistics.mean(values):8.4f}   {values}")
    return [
        {"label": label, "metric": "accuracy", "mean": statistics.mean(values), "values": values}
        for label, values in accuracies.items()
    ]


def depth(seeds: Sequence[int]) -> list[Row]:
    """Loss of guessed words by depth, rate and budget: 32 wide for each block, 32 to a head."""
    rows = []
    for blocks in (1, 2, 4):
        for budget in (10_000, 30_000):
            for rate in RATES:
                shape = {"layers": blocks, "width": 32 * blocks, "heads": blocks}
                options = {**GUESSING, **shape, "lr": rate, "budget": budget}
                label = f"depth {blocks}, {budget:,} samples, rate {rate:g}"
                rows.append({**over_seeds(label, "loss", seeds, **options), **shape, "rate": rate})
    return rows


def muon(seeds: Sequence[int]) -> list[Row]:
    """Loss of guessed words after the same steps."""
    rows = []
    for optimizer in ("adamw", "muon"):
        for rate in RATES:
            shape = {"layers": 2, "width": 64, "heads": 2, "optimizer": optimizer}
            options = {**GUESSING, **shape, "lr": rate, "budget": 20_000}
            rows.append(over_seeds(f"{optimizer}, rate {rate:g}", "loss", seeds, **options))
    return rows


GUESSING: Mapping[str, Any] = {
    "data": "sentences",
    "pretrain": "masked",
    "preset": "none",
    "schedule": "one-cycle",
    "eval_every": 10**6,
}
PARTS: Mapping[str, tuple[Callable[[Sequence[int]], list[Row]], int]] = {  # and seeds
    "pictures": (pictures, 3),
    "answers": (answers, 3),
    "sentences": (sentences, 3),
    "pretraining": (pretraining, 5),
    "depth": (depth, 2),
    "muon": (muon, 3),
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--seeds", type=click.IntRange(1), help="Runs of each figure.")
def main(names: Sequence[str], seeds: int | None) -> None:
    for name in names or PARTS:
        measure, usual = PARTS[name]
        print(f"\n{name}: {measure.__doc__}")
        keep(RESULTS, name, measure(range(seeds or usual)))


if __name__ == "__main__":
    main()
