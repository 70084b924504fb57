"""Train recursive networks over trees: Socher et al., "Parsing natural scenes and natural language
with recursive neural networks" (2011), and "Recursive deep models for semantic compositionality
over a sentiment treebank" (2013)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

import lab
from lab.optim import Updater
from lab.supervised.inputs import check_many
from lab_rntn import pictures
from lab_rntn.build import build
from lab_rntn.config import Config, Predict
from lab_rntn.labeling import Labeling
from lab_rntn.parsing import Parsing

TASKS: Mapping[str, type[Labeling | Parsing]] = {"classify": Labeling, "parse": Parsing}


class RNTN:
    """The network, its updates and its state; what is learned of trees is the task's."""

    network = staticmethod(build)  # what `lab model` lists

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        if ctx.compute.compiled:
            raise lab.UsageError("--compile: each batch of trees computes another graph")
        self.config, self.ctx = config, ctx
        self.task = TASKS[ctx.task](config, ctx)
        self.net = ctx.wrap(build(config, self.task.info))
        self.updater = Updater(ctx, self.net, config, self.task.loss, weight=self.task.weight)
        self.stopped = False

    def step(self) -> int:
        """Train on one minibatch."""
        if self.stopped:
            return 0
        batch = self.task.next()
        loss, extra = self.updater(batch)
        for name, value in {"loss": loss, "lr": self.updater.lr, **extra}.items():
            self.ctx.log(name, value)
        moved = len(batch["inputs"])
        self.stopped = self.task.stop_early(self, moved)
        return moved

    def evaluate(self, split: str) -> Mapping[str, float]:
        with self.updater.averaged():
            metrics = self.task.measure(self.net, split)
            if split == "test" and self.config.plots:
                for name, figure in pictures.looks(self.task, self.net):
                    self.ctx.media(name, figure)
        return metrics

    # -- using the network

    @torch.no_grad()
    def predict(self, texts: Any) -> Any:
        """Return what the task answers to B texts, or trees in brackets."""
        check_many(texts)
        with self.updater.averaged():
            return self.task.predict(self.net, texts)

    def example(self, number: int) -> Any:
        """Return trees in brackets [number], which `predict` takes."""
        return self.task.example(number)

    @torch.no_grad()
    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return an answer for each text or tree of the command line."""
        with self.updater.averaged():
            return self.task.predict_command(self.net, options)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        state = {**self.updater.state_dict(), **self.task.state_dict()}
        return {**state, "stopped": self.stopped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict(state)
        self.task.load_state_dict(state)
        self.stopped = state.get("stopped", False)
