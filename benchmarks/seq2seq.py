"""Measure encoder-decoders: what they write, and where one vector is too little to know.

    python -m benchmarks.seq2seq              all figures but the last
    python -m benchmarks.seq2seq reverse      ten letters backwards and again, after 600 steps
    python -m benchmarks.seq2seq words        numbers, of endings that training never shows
    python -m benchmarks.seq2seq dates        dates, in ways of writing that it never shows
    python -m benchmarks.seq2seq bottleneck   one vector and attention, by the length of the source
    python -m benchmarks.seq2seq g2p          letters to phonemes, all of cmudict (an hour of CPU)

Beside each network stands the nearest neighbor, which writes what belongs to the training source
that differs in the fewest places. Figures go to benchmarks/results/seq2seq.json, part by part, and
seconds are CPU time of one thread.
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
import numpy as np
import torch

import lab
from benchmarks.measure import keep, summed_up
from lab.data.tokens import END
from lab.supervised.translation import TranslationTask
from lab.supervised.translation_scores import TranslationScores

RESULTS = Path(__file__).parent / "results" / "seq2seq.json"
FIGURES = ("exact_match", "error_rate")
TRANSFORMER = {"encoder": "transformer", "decoder": "transformer"}
BINS = ((1, 5), (6, 10), (11, 15), (16, 20))  # letters of the source
TEST = 2_000  # sources whose nearest neighbor is looked for, at most
AT_ONCE = 50

Figures = dict[str, list[float]]


def trained(folder: str, **options: Any) -> tuple[Any, Mapping[str, float], float]:
    """Run once; return the loaded run, its test metrics and CPU seconds."""
    began = time.process_time()
    fixed: dict[str, Any] = {"runs_dir": folder, "wandb": "disabled", "media": False, "threads": 1}
    result = lab.run("seq2seq", **fixed, **options)
    seconds = time.process_time() - began
    return lab.load(result.dir), result.summary["test"], seconds


def over_seeds(label: str, folder: str, seeds: int, **options: Any) -> Figures:
    """Print and return figures by seed, the nearest neighbor's at the end."""
    figures: Figures = {name: [] for name in (*FIGURES, "seconds")}
    for seed in range(seeds):
        run, test, seconds = trained(folder, seed=seed, **options)
        figures["seconds"].append(seconds)
        for name in FIGURES:
            figures[name].append(test[f"test/{name}"])
    for name, value in nearest_neighbor(run.task).items():
        figures[f"nearest_{name}"] = [value]
    for name, values in figures.items():
        click.echo(f"{label:<28} {name:<22} {summed_up(values)}")
    return figures


def nearest_neighbor(task: TranslationTask) -> Mapping[str, float]:
    """Return the figures of writing what belongs to the training source that differs least."""
    train = task.data.train.first(len(task.data.train))
    size = len(task.data.test)
    rows = torch.linspace(0, size - 1, min(size, TEST)).long()
    test = task.data.test.take(rows)
    known, asked = train["inputs"].numpy(), test["inputs"].numpy()
    found = np.concatenate(
        [
            (asked[start : start + AT_ONCE, None] != known[None]).sum(2).argmin(1)
            for start in range(0, len(asked), AT_ONCE)
        ]
    )
    written = [[t for t in row if t != END] for row in train["targets"][found].tolist()]
    scores = TranslationScores(task.written)
    scores.add_sentences(written, test["targets"], torch.ones(len(asked)))
    metrics = scores.compute("eval")
    return {name: metrics[name] for name in FIGURES}


def reverse(folder: str, seeds: int) -> dict[str, Figures]:
    """Strings of ten letters: of the shorter ones few are different, and a test holds some of these
    dozens of times."""
    ten = {"shortest": 10, "longest": 10}
    return {
        f"{order}, {label}": over_seeds(
            f"{order}, {label}",
            folder,
            seeds,
            data="reverse",
            data_args={**ten, "order": order},
            **kind,
        )
        for order in ("reverse", "copy")
        for label, kind in (("GRU", {}), ("Transformer", TRANSFORMER))
    }


def words(folder: str, seeds: int) -> dict[str, Figures]:
    return {
        label: over_seeds(f"number words, {label}", folder, seeds, data="number-words", **kind)
        for label, kind in (("GRU", {}), ("Transformer", TRANSFORMER))
    }


def dates(folder: str, seeds: int) -> dict[str, Figures]:
    return {"GRU": over_seeds("dates, GRU", folder, seeds, data="dates")}


def bottleneck(folder: str, seeds: int) -> dict[str, Figures]:
    """Fractions of exact strings by the length of the source, of nets that differ in nothing but
    the context."""
    letters = {"data": "reverse", "data_args": {"longest": 20, "n": 6_000}, "budget": 64_000}
    return {
        context: _by_length(context, folder, seeds, context=context, **letters)
        for context in ("vector", "attention")
    }


def _by_length(label: str, folder: str, seeds: int, **options: Any) -> Figures:
    figures: Figures = {f"{low}-{high}": [] for low, high in BINS}
    for seed in range(seeds):
        run, _, _ = trained(folder, seed=seed, **options)
        test = run.task.data.test.first(len(run.task.data.test))
        lengths = (test["inputs"] != END).sum(1).numpy()
        right = test["targets"].numpy()
        written = run.predict(test["inputs"])[:, : right.shape[1]]
        exact = (written == right).all(1)
        for low, high in BINS:
            within = (lengths >= low) & (lengths <= high)
            figures[f"{low}-{high}"].append(float(exact[within].mean()))
    for name, values in figures.items():
        click.echo(f"{label:<28} {name:<22} {summed_up(values)}")
    return figures


def g2p(folder: str, seeds: int) -> dict[str, Figures]:
    """Phoneme error rate, and words without an error, of all that the test split holds."""
    return {"GRU": over_seeds("cmudict, GRU", folder, seeds, data="cmudict")}


PARTS: Mapping[str, Callable[[str, int], dict[str, Figures]]] = {
    "reverse": reverse,
    "words": words,
    "dates": dates,
    "bottleneck": bottleneck,
    "g2p": g2p,
}


@click.command()
@click.argument("part", type=click.Choice([*PARTS, "all"]), default="all")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
def main(part: str, seeds: int) -> None:
    chosen = [name for name in PARTS if name != "g2p"] if part == "all" else [part]
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            keep(RESULTS, name, PARTS[name](folder, seeds))


if __name__ == "__main__":
    main()
