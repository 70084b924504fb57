"""Train something that takes a moment, for what follows runs or gives them data."""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

import lab
from lab import api
from lab.plugins import Plugin, Plugins
from lab.resolve import resolve
from lab.tracking.terminal import Silent

MODULE = __name__
BUDGET = 100
MOMENT = 0.001  # seconds of a step: what follows the run gets its turn meanwhile


class Config(lab.DataOptions, lab.Config):
    data: str = Field("practice", description="The points of a line.")
    batch_size: int = Field(10, ge=1, description="Points in a minibatch.")

    @property
    def objective(self) -> tuple[str, str]:
        return "eval/error", "min"

    @property
    def budget(self) -> int:
        return BUDGET


def line() -> lab.Dataset:
    """Return points of a line, inputs float [100, 1]."""
    x = np.linspace(0, 1, 100, dtype=np.float32)[:, None]
    return lab.Dataset(x, 2 * x)


class Practice:
    """Fit a line to the points of a source."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.ctx = ctx
        self.data = ctx.data(config)
        self.net = ctx.wrap(torch.nn.Linear(1, 1))
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.1)
        self.seen: Mapping[str, int] = {"seen": 0}  # of the batches, before they are made

    @cached_property
    def batches(self) -> lab.Batches:
        batches = self.data.batches()
        batches.load_state_dict(self.seen)
        return batches

    def step(self) -> int:
        batch = self.batches.next()
        inputs, targets = batch["inputs"], batch["targets"]
        noise = 0.01 * torch.randn_like(targets)  # from torch's own generator
        loss = (self.net(inputs) - targets - noise).square().mean()
        self.ctx.optimize(self.optimizer, loss)
        self.ctx.log("loss", loss)
        if self.ctx.clock == 0:
            self.ctx.media("picture", np.zeros((8, 8, 3), np.uint8))
        time.sleep(MOMENT)
        return len(inputs)

    def evaluate(self, split: str) -> Mapping[str, float]:
        (batch,) = self.data.part(split).batches(100)
        return {"error": float((self.net(batch["inputs"]) - batch["targets"]).square().mean())}

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "batches": self.batches.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["model"])
        if "optimizer" in state:
            self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
            self.seen = state["batches"]


SPEC = lab.ExperimentSpec(
    "practice",
    "Fit a line",
    config=f"{MODULE}:Config",
    experiment=f"{MODULE}:Practice",
)
SOURCE = lab.SourceSpec("practice", "Points of a line", load=f"{MODULE}:line", task="regress")


class Listening(Silent):
    """A terminal that remembers what it was to say."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def say(self, message: str) -> None:
        self.messages.append(message)


def train(
    folder: Path, name: str, trackers: Sequence[lab.TrackerSpec] = ()
) -> tuple[lab.RunResult, list[str]]:
    """Train the practice run in `folder`, followed by `trackers` alone; return its result, and the
    messages of it."""
    options = {"runs_dir": folder, "name": name, "device": "cpu"}
    options |= {"eval_every": BUDGET // 5, "log_every": BUDGET // 5}
    listening, plugins = Listening(), _plugins(trackers)
    resolved = resolve(SPEC, options, plugins=plugins)
    return api.start(SPEC, resolved, plugins, listening), listening.messages


def resume(run: Path, trackers: Sequence[lab.TrackerSpec] = ()) -> tuple[lab.RunResult, list[str]]:
    """Train a practice run on to twice its budget, followed by `trackers` alone."""
    listening = Listening()
    plugins = _plugins(trackers)
    result = api.resume(run, budget=2 * BUDGET, plugins=plugins, terminal=listening)
    return result, listening.messages


def _plugins(trackers: Sequence[lab.TrackerSpec]) -> Plugins:
    offer = Plugin("practice", "practice", "", module=MODULE)
    offer.experiments, offer.sources, offer.trackers = [SPEC], [SOURCE], list(trackers)
    return Plugins([offer])
