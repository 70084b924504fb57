"""Fixtures: one thread, a generator, small RBMs, and runs in the test's own folder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from shared_fixtures import generator, same_everywhere, threads

import lab
from lab_dbn.rbm import RBM

__all__ = ["generator", "same_everywhere", "threads"]

Array = np.ndarray[Any, np.dtype[Any]]


def states(units: int) -> Array:
    """Return all states of some bits [2^units, units]."""
    return np.array(list(product((0.0, 1.0), repeat=units)))


def visible_states(units: int, labels: int) -> Array:
    """Return all states of bits, each with each class, one-hot."""
    if not labels:
        return states(units)
    return np.array([[*bits, *label] for bits in states(units) for label in np.eye(labels)])


class Brute:
    """The joint table p(v, h) of a machine with bits, and maybe a class, as visible units, by sums
    over all states of both sides, in numpy."""

    def __init__(self, rbm: Any) -> None:
        weight, below, above = (
            p.detach().double().numpy() for p in (rbm.weight, rbm.visible_bias, rbm.hidden_bias)
        )
        self.visible = visible_states(rbm.units, rbm.labels)
        self.hidden = states(rbm.hidden)
        energy = np.empty((len(self.visible), len(self.hidden)))
        for i, v in enumerate(self.visible):
            for j, h in enumerate(self.hidden):
                energy[i, j] = -(below @ v) - (above @ h) - v @ weight @ h
        self.unnormalized = np.exp(-energy)
        self.partition = self.unnormalized.sum()
        self.joint = self.unnormalized / self.partition

    @property
    def log_z(self) -> float:
        return float(np.log(self.partition))

    def marginal(self) -> Array:
        """Return p(v) [number of visible states]."""
        return self.joint.sum(1)

    def expected_products(self) -> Array:
        """Return <v h> under the model [V, H]."""
        return np.einsum("ij,iv,jh->vh", self.joint, self.visible, self.hidden)


@pytest.fixture
def brute() -> type[Brute]:
    return Brute


@pytest.fixture
def make_rbm() -> Callable[..., RBM]:
    """A machine with weights that matter."""

    def make(units: int, hidden: int, scale: float = 1.0, seed: int = 0, **options: Any) -> RBM:
        rbm = RBM(units, hidden, **options)
        fixed = torch.Generator().manual_seed(seed)
        for parameter in rbm.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=fixed))
        return rbm

    return make


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., lab.RunResult]:
    """`lab.run("dbn")` on digits into the test's own folder: a few steps, without pictures."""

    def run(name: str | None = None, **options: Any) -> lab.RunResult:
        fixed = {
            "data": "digits",
            "preset": "none",
            "layers": (16, 12),
            "batch_size": 32,
            "budget": 960,
            "eval_every": 320,
            "ais_temperatures": 20,
            "gibbs_steps": 5,
            "runs_dir": tmp_path / "runs",
            "wandb": "disabled",
            "media": False,
            "name": name,
        }
        return lab.run("dbn", **{**fixed, **options})

    return run
