"""Densities are those of the distribution that a perfect network knows."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
import torch
from diffusion import oracle
from torch import Tensor

import lab
from lab_diffusion.ddpm import DDPM
from lab_diffusion.flow import Flow
from lab_diffusion.likelihood import log_density
from lab_diffusion.process import Process
from lab_diffusion.schedules import alpha_bar

CPU = torch.device("cpu")
PROCESSES = {
    "v": DDPM(alpha_bar("cosine", 1_000), "v", CPU),
    "epsilon": DDPM(alpha_bar("linear", 1_000), "epsilon", CPU),
    "flow": Flow(),
}


def perfect(process: Process):
    """The network that knows the mixture, differentiably: posterior means of its components."""

    def model(x: Tensor, time: float) -> Tensor:
        now = torch.full((len(x),), time, dtype=torch.float64)
        alpha, sigma = (scale.double() for scale in process.scales(now, x))
        variance = (alpha * oracle.STD).square() + sigma.square()
        gap = x[:, None] - alpha[:, None] * oracle.CENTERS
        weight = (-0.5 * gap.square() / variance[:, None]).sum(2).softmax(1)[:, :, None]
        clean = weight * (oracle.CENTERS + (alpha * oracle.STD.square() / variance)[:, None] * gap)
        noise = weight * (sigma / variance)[:, None] * gap
        return process.target(clean.sum(1), noise.sum(1), now)

    return model


@pytest.mark.parametrize("name", PROCESSES)
def test_densities_are_those_of_the_mixture(name) -> None:
    process, known = PROCESSES[name], oracle.density(1.0, 0.0)
    torch.manual_seed(0)
    x = torch.cat([known.sample((100,)), oracle.CENTERS + 0.5])
    found = [log_density(process, perfect(process), x, steps) for steps in (100, 400)]
    errors = [float((values - known.log_prob(x)).abs().mean()) for values in found]
    assert errors[1] < 0.1
    assert errors[1] < 0.5 * errors[0]


def test_of_a_network_that_answers_0_the_volume_is_known() -> None:
    """With v = 0 each step scales x by alpha alpha' + sigma sigma', the cosine of a turn."""
    process = DDPM(alpha_bar("cosine", 50), "v", CPU)
    x = torch.randn(5, 3, 2, dtype=torch.float64)
    left = np.array(process.alpha_bar)
    visited = sorted({round(50 * (n / 20) ** 2) for n in range(21)})
    pairs = [(left[a], left[b]) for a, b in itertools.pairwise(visited)]
    scale = math.prod(math.sqrt(a * b) + math.sqrt((1 - a) * (1 - b)) for a, b in pairs)
    noise = -0.5 * (scale * x).square().sum((1, 2)) - 3 * math.log(2 * math.pi)
    values = log_density(process, lambda x, t: 0 * x, x, 20)
    assert torch.allclose(values, noise + 6 * math.log(scale), atol=1e-5)


@pytest.mark.parametrize("method", ["ddpm", "flow"])
def test_what_was_learned_is_likelier_than_what_was_not(train, cli, method) -> None:
    result = train(
        method=method, hidden=(64, 64), lr=3e-3, batch_size=128, budget=32_000, eval_every=32_000,
        ema=0.99,
    )  # fmt: skip
    run = lab.load(result.dir)
    near = run.predict(run.example(20))
    assert near.shape == (20, 1)
    far = run.predict(np.zeros((1, 2), np.float32))  # the middle of the ring
    assert near.mean() > far[0, 0] + 0.5
    said = cli("predict", result.dir, "0,0", "--json")
    assert said.exit_code == 0, said.output
    (row,) = json.loads(said.stdout)
    assert row["input"] == "0,0"
    assert row["log_density"] == pytest.approx(float(far[0, 0]), abs=1e-3)


def test_a_conditional_network_tells_classes(train) -> None:
    result = train(
        conditional=True, hidden=(64, 64), lr=3e-3, batch_size=128, budget=48_000,
        eval_every=48_000, ema=0.99,
    )  # fmt: skip
    run = lab.load(result.dir)
    batch = run.data.test.first(60)
    probabilities = run.predict(batch["inputs"])
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-5)
    hits = probabilities.argmax(1) == batch["targets"].numpy()
    assert hits.mean() > 0.9  # by chance 1 / 8


def test_large_examples_have_no_density(train, monkeypatch) -> None:
    run = lab.load(train().dir)
    monkeypatch.setattr("lab_diffusion.diffusion.MOST", 1)
    with pytest.raises(lab.UsageError, match="ring has 2 numbers in an example; densities are"):
        run.predict(run.example(2))
