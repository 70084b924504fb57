"""Train recurrent networks over sequences of any kind.

Elman, "Finding structure in time" (1990); Hochreiter & Schmidhuber, "Long short-term memory"
(1997); Cho et al. (2014). What is learned of the steps, and how that is measured, stands in a file
for each shape of task.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lab
from lab.capabilities import Export, Predict
from lab.optim import Updater
from lab_rnn.config import Config
from lab_rnn.labels import Labels

Array = np.ndarray[Any, np.dtype[Any]]


TASKS: Mapping[str, Any] = {"classify": Labels, "regress": Labels}


def find_task(task: str, name: str) -> Any:
    """Return the shape of a task, a class. Raises UsageError where there is none for it."""
    if task not in TASKS:
        able = ", ".join(TASKS)
        raise lab.UsageError(f"{name} is to {task}, which recurrent networks do not; they {able}")
    return TASKS[task]


class RNN:
    """The network, its updates and its state; all else is its task's.

    A task offers `network(config, info)`, and like `SupervisedTask` the next batch, the loss, its
    weight, what is logged and measured; and what is said of new inputs by a model.
    """

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        if config.fused and ctx.compute.compiled:
            raise lab.UsageError(
                "--fused is torch's kernel, which --compile refuses: leave one out"
            )
        self.task = find_task(ctx.task, config.data_name)(config, ctx)
        self.net: nn.Module = ctx.wrap(self.network(config, self.task.info))
        self.updater = Updater(ctx, self.net, config, self.task.loss, weight=self.task.weight)
        self.stopped = False

    @staticmethod
    def network(config: Config, info: lab.DatasetInfo) -> nn.Module:
        """Return the network for such data, with its initial weights: what `lab model` lists."""
        net: nn.Module = find_task(info.task, info.name).network(config, info)
        return net

    def step(self) -> int:
        """Train on one minibatch."""
        if self.stopped:
            return 0
        batch = self.task.next()
        self.task.log(*self.updater(batch))
        self.ctx.log("lr", self.updater.lr)
        moved = len(batch["inputs"])
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

    def example(self, number: int) -> Tensor:
        """Return inputs that `predict` takes [number, ...]."""
        inputs: Tensor = self.task.example(number)
        return inputs

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return what is said of inputs that are words of the command line."""
        with self.updater.averaged():
            rows: list[dict[str, Any]] = self.task.predict_command(self.net, options)
        return rows

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
