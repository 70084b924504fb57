"""Train recurrent networks over sequences of any kind.

Elman, "Finding structure in time" (1990); Hochreiter & Schmidhuber, "Long short-term memory"
(1997); Cho et al. (2014). What is learned of the steps, and how that is measured, stands in a file
for each shape of task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

import lab
from lab.capabilities import Export, Write
from lab.optim import Updater
from lab.sequence import Recurrent
from lab.supervised.language import language_task
from lab_rnn.config import Config, Predict
from lab_rnn.forecast import Forecast
from lab_rnn.labels import Labels
from lab_rnn.language import Language
from lab_rnn.networks import build
from lab_rnn.writing import writing

Array = np.ndarray[Any, np.dtype[Any]]


TASKS: Mapping[str, Callable[[Config, lab.Context], Any]] = {
    "classify": Labels,
    "regress": Labels,
    "forecast": Forecast,
    "translate": writing,
    "lm": Language,
}


class RNN:
    """The network, its updates and its state; all else is its task's.

    A task offers the next batch, the loss, its weight, what is logged and measured, as
    `SupervisedTask` does, and what a model predicts and is exported as.
    """

    network = staticmethod(build)  # what `lab model` lists

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.task = TASKS[ctx.task](config, ctx)
        self.net: Any = ctx.wrap(build(config, self.task.info))
        for layer in self.net.modules():
            if isinstance(layer, Recurrent):
                layer.fused = config.fused and not ctx.compute.compiled
        self.updater = Updater(ctx, self.net, config, self.task.loss, weight=self.task.weight)
        self.stopped = False

    def step(self) -> int:
        """Train on one minibatch."""
        if self.stopped:
            return 0
        batch = self.task.next()
        self.task.log(*self.updater(batch))
        self.ctx.log("lr", self.updater.lr)
        moved = len(batch["targets"])
        self.stopped = self.task.stop_early(self, moved)
        return moved

    def evaluate(self, split: str) -> Mapping[str, float]:
        with self.updater.averaged():
            metrics: Mapping[str, float] = self.task.measure(self.net, split)
        return metrics

    # -- using the network

    @torch.no_grad()
    def predict(self, inputs: Any) -> Array:
        """Return what the task predicts for inputs as the source gives them; see the task."""
        with self.updater.averaged():
            answers: Array = self.task.predict(self.net, inputs)
        return answers

    def example(self, number: int) -> Any:
        """Return inputs that `predict` takes [number, ...]."""
        return self.task.example(number)

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return what is said of inputs that are words of the command line."""
        with self.updater.averaged():
            rows: list[dict[str, Any]] = self.task.predict_command(self.net, options)
        return rows

    def sample(self, **options: Any) -> list[str]:
        """Return texts that are written; the options are those of `lab.capabilities.Write`."""
        with self.updater.averaged():
            return language_task(self.task).sample(self.net, **options)

    def sample_command(self, options: Write) -> str:
        """Return texts, which are shown while they are written."""
        with self.updater.averaged():
            return language_task(self.task).sample_command(self.net, options)

    def export_command(self, options: Export) -> Path:
        """Write a model for other software, from the source's inputs to what `predict` returns."""
        with self.updater.averaged():
            path: Path = self.task.export(self.net, options)
        return path

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        state = {**self.updater.state_dict(), **self.task.state_dict()}
        return {**state, "stopped": self.stopped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict(state)
        self.task.load_state_dict(state)
        self.stopped = state.get("stopped", False)
