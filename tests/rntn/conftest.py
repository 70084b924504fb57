"""Fixtures: one thread, small networks, random trees, quiet runs in the test's own folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shared_fixtures import cli, threads

import lab
from lab.data.trees import packed
from lab_rntn.network import TreeNet

__all__ = ["cli", "threads"]

CELLS = ("tensor", "plain", "matrix-vector", "tree-lstm")


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("rntn")` into the test's own folder, without trackers and pictures."""

    def run(data: str = "sentiment-trees", **options: Any) -> lab.RunResult:
        fixed = {"runs_dir": tmp_path / "runs", "wandb": "disabled", "media": False}
        small = {
            "preset": "none",
            "dim": 5,
            "batch_size": 16,
            "budget": 64,
            "data_args": {"n": 100},
        }
        return lab.run("rntn", data=data, **{**fixed, **small, **options})

    return run


@pytest.fixture
def make_net() -> Callable[..., TreeNet]:
    """A network in double precision whose weights are all large enough to matter."""

    def make(cell: str = "tensor", width: int = 4, scored: bool = True) -> TreeNet:
        net = TreeNet(cell, width, words=9, classes=3, scored=scored).double()
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.5)
        return net

    return make


def random_tree(rng: np.random.Generator, length: int) -> list[tuple[int, int]]:
    """Return the children of a tree: neighbors are joined at random."""
    open_nodes, children = list(range(length)), list[tuple[int, int]]()
    while len(open_nodes) > 1:
        at = int(rng.integers(len(open_nodes) - 1))
        children.append((open_nodes[at], open_nodes[at + 1]))
        open_nodes[at : at + 2] = [length + len(children) - 1]
    return children


def batch_of(lengths: list[int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return tokens [B, T] of 8 words, and a random tree over each [B, T - 1, 2]."""
    rng, steps = np.random.default_rng(seed), max(lengths)
    tokens = np.zeros((len(lengths), steps), int)
    for row, length in zip(tokens, lengths, strict=True):
        row[:length] = rng.integers(1, 9, length)
    trees = packed([random_tree(rng, length) for length in lengths], steps)
    return torch.from_numpy(tokens), torch.from_numpy(trees).long()
