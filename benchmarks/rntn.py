"""Measure recursive networks: their speed, what they make of negations, how they parse.

    python -m benchmarks.rntn              all figures
    python -m benchmarks.rntn speed        100 trees by levels, beside node by node
    python -m benchmarks.rntn negation     templates that training does not show, by cell
    python -m benchmarks.rntn parsing      a grammar, scenes, and Python's expressions

Test figures are of the selected weights, a value for each seed; CPU seconds are of one thread.
Results are kept in benchmarks/results/rntn.json, part by part.
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
import numpy as np
import torch
from torch import Tensor

import lab
from benchmarks.expressions import by_precedence
from benchmarks.measure import alternate, keep, ratio
from lab.data.splits import split
from lab.data.trees import chain, packed
from lab.metrics import Brackets
from lab.statistics import mean_interval
from lab_rntn.network import TreeNet
from lab_rntn.parsing import brackets
from lab_sources.sentiment_trees import sentiment_trees
from lab_sources.stdlib_expr import stdlib_expr

RESULTS = Path(__file__).parent / "results" / "rntn.json"
TREES, NODES, WIDTH = 100, 3_594, 25
RATES = {"tensor": 0.1, "plain": 0.1, "matrix-vector": 0.05, "tree-lstm": 0.1}  # by eval/accuracy

Row = dict[str, Any]
Children = list[tuple[int, int]]


def train(**options: Any) -> Row:
    """Run once; return the test metrics, the objective, and CPU seconds."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        result = lab.run(
            "rntn", runs_dir=folder, wandb="disabled", media=False, threads=1, **options
        )
    test = {name.removeprefix("test/"): value for name, value in result.summary["test"].items()}
    return {**test, "eval": result.objective, "seconds": time.process_time() - began}


def over_seeds(label: str, metrics: Sequence[str], seeds: Sequence[int], **options: Any) -> Row:
    """Print and return test figures by seed, their means and intervals, and CPU seconds."""
    runs = [train(seed=seed, **options) for seed in seeds]
    row: Row = {"label": label, "seconds": statistics.median(run["seconds"] for run in runs)}
    for metric in metrics:
        values = [run[metric] for run in runs]
        row[metric] = {
            "mean": statistics.mean(values),
            "interval": mean_interval(values),
            "values": values,
        }
        each = " ".join(f"{value:.4f}" for value in values)
        print(f"{label:40}{metric:20}{row[metric]['mean']:8.4f}   {each}", flush=True)
    return row


# -- speed


def speed(seeds: Sequence[int]) -> list[Row]:
    """Loss and gradient of 100 trees: node by node, over by levels."""
    tokens, trees = _drawn_trees(np.random.default_rng(0))
    net = TreeNet("tensor", WIDTH, words=50, classes=5, scored=False)

    def by_levels() -> None:
        net(tokens, trees).logits.square().sum().backward()

    def by_nodes() -> None:
        for row in zip(tokens, trees, strict=True):
            _one_by_one(net, *row).backward()

    seconds = alternate({"nodes": by_nodes, "levels": by_levels}, rounds=5)
    times = {name: 1e3 * statistics.median(values) for name, values in seconds.items()}
    faster = ratio(seconds["nodes"], seconds["levels"])
    print(f"{NODES} nodes: {times['nodes']:.0f} ms by nodes, {times['levels']:.1f} ms by levels")
    print(f"ratio {faster}")
    return [{"label": "100 trees, 3,594 nodes", "milliseconds": times, "ratio": faster}]


def _drawn_trees(rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return random trees that have as many nodes together as 100 of the treebank."""
    words = (NODES + TREES) // 2
    lengths = 5 + rng.multinomial(words - 5 * TREES, np.full(TREES, 1 / TREES))
    tokens = np.where(np.arange(lengths.max()) < lengths[:, None], 1, 0)
    tokens *= rng.integers(1, 50, tokens.shape)
    trees = packed([random_tree(rng, length) for length in lengths.tolist()], tokens.shape[1])
    return torch.from_numpy(tokens), torch.from_numpy(trees).long()


def _one_by_one(net: TreeNet, tokens: Tensor, trees: Tensor) -> Tensor:
    """Return the squared logits of a tree, each node computed by itself."""
    length = int((tokens > 0).sum())
    states = [net.cell.leaf(net.embed(tokens[place : place + 1])) for place in range(length)]
    for left, right in trees[: length - 1].tolist():
        states.append(net.cell.compose(states[left], states[right]))
    total = torch.zeros(())
    for state in states:
        total = total + net.classify(net.cell.vector(state)).square().sum()
    return total


def random_tree(rng: np.random.Generator, length: int) -> Children:
    """Return the children of a tree of neighbors that are joined at random."""
    open_nodes, children = list(range(length)), []
    while len(open_nodes) > 1:
        at = int(rng.integers(len(open_nodes) - 1))
        children.append((open_nodes[at], open_nodes[at + 1]))
        open_nodes[at : at + 2] = [length + len(children) - 1]
    return children


# -- negation


def negation(seeds: Sequence[int]) -> list[Row]:
    """Root accuracy on held-out templates, cells of as many parameters."""
    shared: Row = {"data": "sentiment-trees", "preset": "sentiment-trees"}
    rows = [_bag_of_words()]
    for cell, rate in RATES.items():
        label = f"{cell}, rate {rate:g}"
        metrics = ("eval", "accuracy", "negation_accuracy")
        rows.append(over_seeds(label, metrics, seeds, cell=cell, lr=rate, **shared))
    return rows


def _bag_of_words() -> Row:
    """Logistic regression of the root's class on how often each word comes."""
    from sklearn.linear_model import LogisticRegression

    data = sentiment_trees(n=4_000, seed=0)
    parts = split(data, "sentiment-trees")
    counts = np.stack([np.bincount(row, minlength=len(data.vocabulary)) for row in data.inputs])
    assert data.targets is not None
    roots = data.targets[np.arange(len(data)), 2 * (data.inputs > 0).sum(1) - 2]
    model = LogisticRegression(max_iter=2_000).fit(
        counts[parts["train"], 1:], roots[parts["train"]]
    )
    right = model.predict(counts[parts["test"], 1:]) == roots[parts["test"]]
    print(f"{'bag of words':40}{'accuracy':20}{right.mean():8.4f}")
    return {"label": "bag of words", "accuracy": {"mean": float(right.mean())}}


# -- parsing


def parsing(seeds: Sequence[int]) -> list[Row]:
    """F1 of brackets on held-out sentences, without and with labels."""
    metrics = ("f1", "labeled_f1", "exact_match")
    rows = [over_seeds(data, metrics, seeds, data=data) for data in ("grammar", "scenes")]
    rows.append(over_seeds("stdlib-expr", metrics, seeds, data="stdlib-expr"))
    return [*rows, *_trees_without_learning()]


def _trees_without_learning() -> list[Row]:
    """F1 on the same test split of `stdlib-expr` of trees that nothing is learned for."""
    data = stdlib_expr(n=3_000, longest=15, seed=0)
    rows, rng = split(data, "stdlib-expr")["test"], np.random.default_rng(0)
    assert data.trees is not None
    tokens = torch.from_numpy(data.inputs[rows]).long()
    right = brackets(tokens, torch.from_numpy(data.trees[rows]).long())
    words = [[data.vocabulary[token] for token in row if token] for row in tokens.tolist()]
    ways: Mapping[str, Callable[[list[str]], Children]] = {
        "branching to the right": lambda sentence: chain(len(sentence)),
        "branching to the left": lambda sentence: chain(len(sentence), "left"),
        "at random": lambda sentence: random_tree(rng, len(sentence)),
        "by precedence": by_precedence,
    }
    found = []
    for label, way in ways.items():
        trees = packed([way(sentence) for sentence in words], tokens.shape[1])
        figures = Brackets()
        figures.add(brackets(tokens, torch.from_numpy(trees).long()), right)
        found.append({"label": f"stdlib-expr, {label}", "f1": {"mean": figures.compute()["f1"]}})
        print(f"{found[-1]['label']:40}{'f1':20}{figures.compute()['f1']:8.4f}")
    return found


PARTS: Mapping[str, tuple[Callable[[Sequence[int]], list[Row]], int]] = {  # and seeds
    "speed": (speed, 1),
    "negation": (negation, 3),
    "parsing": (parsing, 3),
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
