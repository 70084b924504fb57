"""Hold a small network that learns a sine from noisy points."""

from __future__ import annotations

from lab.templates.template import Template

SPEC = '''\
"""Offer {{name}}."""

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="{{name}}",
        summary="Learn a sine from noisy points",
        config="{{package}}.config:Config",
        experiment="{{package}}.experiment:Experiment",
        # `tiny` finishes in seconds and improves: the contract trains it.
        presets={"tiny": {"budget": 6_400, "hidden": 16}},
        metrics={
            "train/loss": "squared error on the noisy points",
            "eval/error": "squared error without the noise",
            "test/error": "the same on other points, once at the end",
        },
    )
'''

CONFIG = '''\
"""List the options."""

import lab
from pydantic import Field


class Config(lab.Config):
    hidden: int = Field(64, ge=1, description="Units of the hidden layer.")
    lr: float = Field(1e-2, gt=0, description="Learning rate of Adam.")
    batch_size: int = Field(32, ge=1, description="Points in a minibatch.")
    noise: float = Field(0.1, ge=0, description="Standard deviation of the noise.")

    @property
    def objective(self) -> tuple[str, str]:
        return "eval/error", "min"

    @property
    def target(self) -> str:
        return "sine"

    @property
    def budget(self) -> int:
        return 64_000
'''

EXPERIMENT = '''\
"""Learn a sine from noisy points."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import lab
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from {{package}}.config import Config


class Experiment:
    def __init__(self, config: Config, ctx: lab.Context) -> None:
        """Build the networks. What is heavier (data, environments) comes on first use."""
        self.config, self.ctx = config, ctx
        layers = nn.Linear(1, config.hidden), nn.Tanh(), nn.Linear(config.hidden, 1)
        self.net: nn.Module = ctx.wrap(nn.Sequential(*layers))
        self.optimizer = torch.optim.Adam(self.net.parameters(), config.lr)

    def step(self) -> int:
        """Take one gradient step; return how far the clock moved, in samples."""
        x = self.points(self.config.batch_size)
        noise = self.config.noise * torch.randn(x.shape, device=x.device)
        loss = (self.net(x) - self.truth(x) - noise).square().mean()
        self.ctx.optimize(self.optimizer, loss)
        self.ctx.log("loss", loss)
        return len(x)

    def evaluate(self, split: str) -> Mapping[str, float]:
        """Measure on "eval" or "test". Gradients are off, and the randomness is its own."""
        x = self.points(1_000)
        return {"error": float((self.net(x) - self.truth(x)).square().mean())}

    def points(self, number: int) -> Tensor:
        """Draw inputs [number, 1]. Never seed: the runner does."""
        return 2 * math.pi * torch.rand(number, 1, device=self.ctx.device)

    def truth(self, x: Tensor) -> Tensor:
        return torch.sin(x)

    def predict(self, inputs: ArrayLike) -> NDArray[np.float32]:
        """Return outputs [B, 1] for inputs [B, 1]."""
        x = torch.as_tensor(np.asarray(inputs, np.float32), device=self.ctx.device)
        with torch.no_grad():
            outputs: Tensor = self.net(x)
        return outputs.cpu().numpy()

    def example(self, number: int) -> NDArray[np.float32]:
        """Return inputs that `predict` takes."""
        return np.linspace(0, 2 * math.pi, number, dtype=np.float32)[:, None]

    def state_dict(self) -> dict[str, Any]:
        """Return tensors and plain data; "model" alone must serve prediction."""
        return {"model": self.net.state_dict(), "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["model"])
        if "optimizer" in state:  # an optimizer keeps what it gets: hand it a copy
            self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
'''

TEMPLATE = Template(
    what="An experiment",
    about="a small network that learns a sine from noisy points.",
    tries={"lab run {{name}}": "train; lab run {{name}} --help lists the options"},
    files={"__init__.py": SPEC, "config.py": CONFIG, "experiment.py": EXPERIMENT},
    holds={
        "__init__.py": "what the lab lists: name, presets, metrics; imports nothing heavy",
        "config.py": "the options: each with a type, a range and a description",
        "experiment.py": "the algorithm",
    },
)
