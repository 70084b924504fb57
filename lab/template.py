"""Hold the files that `lab new` writes: a complete plugin that keeps the contract."""

from __future__ import annotations

from collections.abc import Mapping

PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.1.0"
description = "An experiment for the lab"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["rl-gen-lab>={version}"]

[project.optional-dependencies]
test = ["pytest"]

[project.entry-points.lab]
{name} = "{package}"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""

README = """\
# {name}

An experiment for the lab: a small network that learns a sine from noisy points. Make it yours.

```console
$ pip install -e '.[test]'
$ lab run {name}                # train; lab run {name} --help lists the options
$ lab check {name}              # does it keep the contract?
$ pytest                        # the same, as tests
```

| file | what it holds |
|---|---|
| `{package}/__init__.py` | what the lab lists: name, presets, metrics; imports nothing heavy |
| `{package}/config.py` | the options: each with a type, a range and a description |
| `{package}/experiment.py` | the algorithm |
| `tests/test_contract.py` | one test for each promise of the contract |
"""

SPEC = '''\
"""Offer {name}."""

from lab import ExperimentSpec, hookimpl


@hookimpl
def lab_experiments():
    yield ExperimentSpec(
        name="{name}",
        summary="Learn a sine from noisy points",
        config="{package}.config:Config",
        experiment="{package}.experiment:Experiment",
        # `tiny` finishes in seconds and improves: the contract trains it.
        presets={{"tiny": {{"budget": 6_400, "hidden": 16}}}},
        metrics={{
            "train/loss": "squared error on the noisy points",
            "eval/error": "squared error without the noise",
            "test/error": "the same on other points, once at the end",
        }},
    )
'''

CONFIG = '''\
"""List the options."""

import lab
from pydantic import Field


class Config(lab.Config):
    hidden: int = Field(64, ge=1, description="Units of the hidden layer.")
    lr: float = Field(1e-2, gt=0, description="Learning rate of Adam.")
    batch: int = Field(32, ge=1, description="Points in a minibatch.")
    noise: float = Field(0.1, ge=0, description="Standard deviation of the noise.")

    @property
    def objective(self):
        return "eval/error", "min"

    @property
    def target(self):
        return "sine"

    @property
    def budget(self):
        return 64_000
'''

EXPERIMENT = '''\
"""Learn a sine from noisy points."""

import copy
import math

import torch
from torch import nn


class Experiment:
    def __init__(self, config, ctx):
        """Build the networks. What is heavier (data, environments) comes on first use."""
        self.config, self.ctx = config, ctx
        layers = nn.Linear(1, config.hidden), nn.Tanh(), nn.Linear(config.hidden, 1)
        self.net = ctx.wrap(nn.Sequential(*layers))
        self.optimizer = torch.optim.Adam(self.net.parameters(), config.lr)

    def step(self):
        """Take one gradient step; return how far the clock moved, in samples."""
        x = self.points(self.config.batch)
        noise = self.config.noise * torch.randn(x.shape, device=x.device)
        loss = (self.net(x) - self.truth(x) - noise).square().mean()
        self.ctx.optimize(self.optimizer, loss)
        self.ctx.log("loss", loss)
        return len(x)

    def evaluate(self, split):
        """Measure on "eval" or "test". Gradients are off, and the randomness is its own."""
        x = self.points(1_000)
        return {{"error": float((self.net(x) - self.truth(x)).square().mean())}}

    def points(self, number):
        """Draw inputs [number, 1]. Never seed: the runner does."""
        return 2 * math.pi * torch.rand(number, 1, device=self.ctx.device)

    def truth(self, x):
        return torch.sin(x)

    @torch.no_grad()
    def predict(self, inputs):
        """Return outputs [B, 1] for inputs [B, 1]."""
        return self.net(torch.as_tensor(inputs, device=self.ctx.device)).cpu().numpy()

    def example(self, number):
        """Return inputs that `predict` takes."""
        return torch.linspace(0, 2 * math.pi, number)[:, None].numpy()

    def state_dict(self):
        """Return tensors and plain data; "model" alone must serve prediction."""
        return {{"model": self.net.state_dict(), "optimizer": self.optimizer.state_dict()}}

    def load_state_dict(self, state):
        self.net.load_state_dict(state["model"])
        if "optimizer" in state:  # an optimiser keeps what it gets: hand it a copy
            self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
'''

TEST = '''\
"""{name} keeps the contract of the lab."""

from lab.testing import parametrize_with_checks


@parametrize_with_checks("{name}")
def test_contract(check):
    check()
'''


def files(name: str, version: str) -> Mapping[str, str]:
    """Return the files of a plugin by path."""
    package = name.replace("-", "_")
    texts = {
        "pyproject.toml": PYPROJECT,
        "README.md": README,
        f"{package}/__init__.py": SPEC,
        f"{package}/config.py": CONFIG,
        f"{package}/experiment.py": EXPERIMENT,
        "tests/test_contract.py": TEST,
    }
    return {
        path: text.format(name=name, package=package, version=version)
        for path, text in texts.items()
    }
