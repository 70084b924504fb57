"""Fixtures: one thread, toy sources, and short runs in the test's own folder."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helpers
import pytest
import torch
from shared_fixtures import cli, generator, threads

import lab
from lab_ae.config import Config
from lab_ae.model import build

__all__ = ["cli", "generator", "threads"]


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def make_net() -> Callable[..., Any]:
    """A network for images of a shape, or for a table, with classes."""

    def make(shape: tuple[int, ...] = (1, 4, 3), **options: Any) -> Any:
        kind = "image" if len(shape) == 3 else "table"
        scale = (0.0,) * shape[0], (1.0,) * shape[0]
        info = lab.DatasetInfo("toy", kind, "classify", shape, ("a", "b", "c"), 3, *scale)
        return build(Config(**{"hidden": (7,), "latent_dim": 4, **options}), info)

    return make


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("ae")` on digits into the test's own folder: a few steps, without pictures."""

    def run(name: str | None = None, **options: Any) -> lab.RunResult:
        fixed = {
            "data": "digits",
            "preset": "none",
            "batch_size": 32,
            "budget": 640,
            "eval_every": 320,
            "probes": False,
            "runs_dir": tmp_path / "runs",
            "wandb": "disabled",
            "media": False,
            "name": name,
        }
        if options.get("arch") == "cnn":
            fixed |= {"width": 4}
        elif "hidden" not in options:
            fixed |= {"hidden": (24,)}
        if options.get("kind") == "vae":
            fixed |= {"iwae": 4}
        return lab.run("ae", **{**fixed, **options})

    return run


SOURCE = """
import numpy as np
import lab


@lab.hookimpl
def lab_sources():
    for name in ("same", "constant", "lone", "broken", "gaussian"):
        yield lab.SourceSpec(name, "Rows and pictures", load=f"odd_examples:{name}")


def same():
    shown = np.full((40, 1, 4, 4), 7, np.uint8)
    return lab.Dataset(shown, np.arange(40) % 2, ("a", "b"), groups=np.full(40, -1))


def constant():
    shown = np.random.default_rng(0).integers(0, 256, (60, 1, 5, 7), np.uint8)
    shown[:, :, :2] = 9
    return lab.Dataset(shown)


def lone():
    return lab.Dataset(np.ones((1, 1, 4, 4), np.uint8))


def broken():
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    rows[7, 1] = np.nan
    return lab.Dataset(rows)


def gaussian():
    rng = np.random.default_rng(0)
    hidden, noise = rng.normal(size=(4_000, 2)), rng.normal(size=(4_000, 6))
    ways = rng.normal(size=(2, 6))
    return lab.Dataset((hidden @ ways + 0.5 * noise + 3).astype(np.float32))
"""


@pytest.fixture
def odd_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed sources: `same` (all one picture), `constant` (pixels that never vary), `lone` (one
    picture), `broken` (a row with NaN), `gaussian` (rows of two latent variables and noise)."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "odd_examples.py").write_text(SOURCE)
    helpers.distribution(site, "odd-examples", {"odd-examples": "odd_examples"})
    monkeypatch.syspath_prepend(site)
    importlib.invalidate_caches()
